import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { defaultSettings } from '../../core/route/upstream.ts'
import type { AnswerListener } from '../upstream/client.ts'
import { authorityOf, type UpstreamEnvironment } from '../upstream/environment.ts'
import { createClient, parseOrigin } from '../upstream/http-client.ts'

/** Keys are fetched again after so long, in the background; nobody waits for that. */
const refreshMs = 300_000
/** Older ones are not believed: their issuer may have taken them back. */
const longestMs = 86_400_000
/** Time between two fetches, whatever tokens name. */
const restMs = 5_000
const fetchMs = 3_000
const maxBytes = 262_144
const maxKeys = 100

/**
 * The keys of an issuer, by address. One fetch at a time, not sooner than some seconds after the last one; who asks for a
 * key that is not there yet waits for the fetch that is under way, and so no longer than its deadline.
 */
export class KeySet {
  readonly #url: URL
  readonly #environment: UpstreamEnvironment
  #keys: JWTVerifyGetKey | null
  #takenAt: number
  #triedAt: number
  #fetching: Promise<void> | null

  constructor(url: string, environment: UpstreamEnvironment) {
    this.#url = new URL(url)
    this.#environment = environment
    this.#keys = null
    this.#takenAt = -Infinity
    this.#triedAt = -Infinity
    this.#fetching = null
  }

  /** Null: there are none. */
  get(): JWTVerifyGetKey | null | Promise<JWTVerifyGetKey | null> {
    const age = performance.now() - this.#takenAt
    if (this.#keys !== null && age < longestMs) {
      if (age >= refreshMs) void this.#fetch()
      return this.#keys
    }
    return this.renewed()
  }

  /** The keys after a fetch, where one may be made. */
  async renewed(): Promise<JWTVerifyGetKey | null> {
    await this.#fetch()
    return performance.now() - this.#takenAt < longestMs ? this.#keys : null
  }

  #fetch(): Promise<void> {
    if (this.#fetching !== null) return this.#fetching
    if (performance.now() - this.#triedAt < restMs) return Promise.resolve()
    this.#fetching = this.#take().finally(() => {
      this.#triedAt = performance.now()
      this.#fetching = null
    })
    return this.#fetching
  }

  async #take(): Promise<void> {
    try {
      this.#keys = createLocalJWKSet(readKeys(await this.#read()))
      this.#takenAt = performance.now()
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'no keys'
      this.#environment.log.error('the keys of an issuer cannot be fetched', {
        jwks: this.#url.origin + this.#url.pathname,
        reason,
      })
    }
  }

  /** One request on a connection of its own, by the rules of upstreams; a redirect is no answer. */
  #read(): Promise<string> {
    const { pool, tls } = defaultSettings
    const origin = parseOrigin(this.#url.origin)
    const client = createClient(origin, {
      pool,
      timeouts: {
        ...defaultSettings.timeouts,
        connectMs: fetchMs,
        headersMs: fetchMs,
        idleMs: fetchMs,
      },
      tls,
      pem: {},
      refuseAddress: this.#environment.refuseAddress,
      onLeak: () => undefined,
    })
    let deadline: NodeJS.Timeout | undefined
    return new Promise<string>((resolve, reject) => {
      deadline = setTimeout(() => reject(new Error('it took too long')), fetchMs)
      const pieces: Uint8Array[] = []
      let size = 0
      const fail = (reason: string): void => reject(new Error(reason))
      const take = (bytes: Uint8Array): boolean => {
        size += bytes.byteLength
        if (size > maxBytes) fail(`it is longer than ${maxBytes} bytes`)
        else pieces.push(Buffer.from(bytes))
        return size <= maxBytes
      }
      const listener: AnswerListener = {
        label: 'jwks',
        onInformational: () => undefined,
        onHead: (status, _, __, whole) => {
          if (status !== 200) fail(`it was answered ${status}`)
          if (typeof whole === 'string') take(Buffer.from(whole, 'latin1'))
          else if (whole !== null) take(whole)
        },
        onData: take,
        onEnd: () => resolve(Buffer.concat(pieces).toString('utf8')),
        onUpgrade: (_, socket) => void socket.destroy(),
        onFailure: ({ reason }) => fail(reason),
        onDrain: () => undefined,
      }
      client.send(
        {
          method: 'GET',
          target: this.#url.pathname + this.#url.search,
          headers: ['host', authorityOf(origin), 'accept', 'application/json'],
          bodyLength: 0,
          upgrade: null,
        },
        listener,
      )
    }).finally(() => {
      clearTimeout(deadline)
      client.destroy()
    })
  }
}

/** Secrets have no place in a set of keys that anybody may read. */
function readKeys(text: string): JSONWebKeySet {
  const value = JSON.parse(text) as { readonly keys?: unknown } | null
  const keys: readonly unknown[] = Array.isArray(value?.keys) ? value.keys : []
  if (keys.length > maxKeys) throw new Error(`it has more than ${maxKeys} keys`)
  const usable = keys.filter(
    (one): one is JSONWebKeySet['keys'][number] =>
      typeof one === 'object' && one !== null && 'kty' in one && one.kty !== 'oct',
  )
  if (usable.length === 0) throw new Error('it has no public key')
  return { keys: usable }
}
