import { thrownMessage } from '../../core/thrown.ts'
import { withDeadline } from './deadline.ts'
import type { CreateRedisClient, RedisClient } from './client.ts'
import { withoutSecrets, type RedisPlace } from './url.ts'

/** What is wrong with a server. */
export type Trouble = 'down' | 'silent' | 'denied' | 'loading'

export class RedisTrouble extends Error {
  readonly trouble: Trouble

  constructor(trouble: Trouble, reason: string) {
    super(reason)
    this.trouble = trouble
  }
}

/** What is at a key. */
export type KeyValue =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'wrong-type'; readonly type: string }
  | { readonly kind: 'too-large'; readonly bytes: number }

/** What a server says of itself; null: it may not be asked. */
export interface ServerFacts {
  /** Another one at each start of the server. */
  readonly runId: string
  readonly evictedKeys: number
  readonly policy: string
  /** Milliseconds that the key has left; null: for ever. */
  readonly keyEndsInMs: number | null
}

export interface LinkOptions {
  readonly place: RedisPlace
  readonly create: CreateRedisClient
  readonly connectMs: number
  readonly operationMs: number
  /** Told once, when the connection is lost. */
  readonly onLost: () => void
}

/**
 * One connection to a server, from connect to its end. Nothing on it waits longer than its deadline: the client itself
 * gives a command that was sent no deadline at all. After the first that is missed the connection is of no more use,
 * for an answer may still come.
 */
export class Link {
  readonly #options: LinkOptions
  readonly #client: RedisClient
  #lost: RedisTrouble | null = null
  #unsubscribed: Promise<unknown> = Promise.resolve()

  constructor(options: LinkOptions) {
    this.#options = options
    this.#client = options.create(options.place.url, options.connectMs)
    this.#client.on('error', (error) => this.#lose(troubleOf(error, options.place)))
    this.#client.on('end', () => this.#lose(new RedisTrouble('down', 'the connection ended')))
  }

  /** @throws RedisTrouble */
  async open(): Promise<void> {
    const { connectMs, place } = this.#options
    let isReached = false
    this.#client.on('connect', () => (isReached = true))
    try {
      await withDeadline(this.#client.connect(), connectMs, () =>
        isReached
          ? new RedisTrouble('silent', 'it takes connections and does not answer')
          : new RedisTrouble('down', `no connection within ${connectMs} ms`),
      )
    } catch (error) {
      this.close()
      throw troubleOf(error, place)
    }
  }

  get lost(): RedisTrouble | null {
    return this.#lost
  }

  /** The process may end while this is open. */
  unref(): void {
    this.#client.unref()
  }

  close(): void {
    this.#lost ??= new RedisTrouble('down', 'the connection was closed')
    try {
      this.#client.destroy()
    } catch {
      // It was closed already.
    }
  }

  /** @throws RedisTrouble */
  async read(key: string, mostBytes: number): Promise<KeyValue> {
    try {
      const bytes = Number(await this.#send(['STRLEN', key]))
      if (bytes > mostBytes) return { kind: 'too-large', bytes }
      const text = (await this.#send(['GET', key])) as string | null
      return text === null ? { kind: 'missing' } : { kind: 'text', text }
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('WRONGTYPE'))
        throw this.#troubleOf(error)
      return { kind: 'wrong-type', type: String(await this.#send(['TYPE', key])) }
    }
  }

  /** @throws RedisTrouble */
  async inspect(key: string): Promise<ServerFacts | null> {
    try {
      const info = String(await this.#send(['INFO']))
      const left = Number(await this.#send(['PTTL', key]))
      const of = (name: string): string =>
        new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1] ?? ''
      return {
        runId: of('run_id'),
        evictedKeys: Number(of('evicted_keys')),
        policy: of('maxmemory') === '0' ? 'noeviction' : of('maxmemory_policy'),
        keyEndsInMs: left >= 0 ? left : null,
      }
    } catch (error) {
      const trouble = this.#troubleOf(error)
      if (trouble.trouble === 'denied') return null
      throw trouble
    }
  }

  /**
   * Tells of the next message on one of the channels, and only of that: whoever may publish could keep us busy.
   *
   * @throws RedisTrouble
   */
  async awaitMessage(channels: readonly string[], onMessage: () => void): Promise<void> {
    let isHeard = false
    const listener = (): void => {
      if (isHeard) return
      isHeard = true
      this.#unsubscribed = this.#timely(this.#client.unsubscribe(channels))
      this.#unsubscribed.catch(() => this.close())
      onMessage()
    }
    try {
      await this.#unsubscribed
      await this.#timely(this.#client.subscribe(channels, listener))
    } catch (error) {
      throw this.#troubleOf(error)
    }
  }

  /** Why it was lost comes first: a command that waits when the connection is given up fails with less. */
  #troubleOf(error: unknown): RedisTrouble {
    return this.#lost ?? troubleOf(error, this.#options.place)
  }

  #send(words: readonly string[]): Promise<unknown> {
    if (this.#lost !== null) return Promise.reject(this.#lost)
    return this.#timely(this.#client.sendCommand(words))
  }

  #timely<Value>(answer: Promise<Value>): Promise<Value> {
    return withDeadline(answer, this.#options.operationMs, () => this.#late())
  }

  #late(): RedisTrouble {
    const trouble = new RedisTrouble('silent', `no answer within ${this.#options.operationMs} ms`)
    this.#lose(trouble)
    this.close()
    return trouble
  }

  #lose(trouble: RedisTrouble): void {
    if (this.#lost !== null) return
    this.#lost = trouble
    this.#options.onLost()
  }
}

/** What an error of the client or the server means, without secrets. */
function troubleOf(error: unknown, place: RedisPlace): RedisTrouble {
  if (error instanceof RedisTrouble) return error
  const message = thrownMessage(error)
  const reason = withoutSecrets(message, place)
  if (/^(NOAUTH|WRONGPASS|NOPERM|ERR AUTH|ERR invalid password)/.test(message))
    return new RedisTrouble('denied', reason)
  if (message.startsWith('LOADING')) return new RedisTrouble('loading', reason)
  return new RedisTrouble('down', reason === '' ? 'the connection was refused' : reason)
}
