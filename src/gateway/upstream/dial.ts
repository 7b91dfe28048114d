import { Buffer } from 'node:buffer'
import { lookup, type LookupAddress } from 'node:dns'
import { connect as connectNet, isIP, Socket, type LookupFunction } from 'node:net'
import { checkServerIdentity, connect as connectTls, createSecureContext } from 'node:tls'
import type { SecureContext } from 'node:tls'
import type { ClientOptions, FailureKind, Origin } from './client.ts'

/** Why there is no connection, where no system call says so. */
export class DialError extends Error {
  readonly kind: FailureKind
  constructor(kind: FailureKind, message: string) {
    super(message)
    this.kind = kind
  }
}

/** Takes the first `length` bytes of `bytes`, which the next read overwrites. False: read no more. */
export type ReadBytes = (length: number, bytes: Buffer) => boolean

/** A connection is being opened that is nobody's but an upstream's: who asks whose it is need not look. */
export const dialing: { isUnderWay: boolean } = { isUnderWay: false }

/** Opens a connection; `read` gets its bytes, unless it is TLS: that one emits `data`. */
export type Dial = (read: ReadBytes) => Socket

/** Opens a connection of an upstream's own. */
export function dialOwn(dial: Dial, read: ReadBytes): Socket {
  dialing.isUnderWay = true
  try {
    return dial(read)
  } finally {
    dialing.isUnderWay = false
  }
}

/**
 * One for all connections: what is read is handled, or copied, before the next read. A head and 64 KB fit in: most of
 * what a read costs is the same for any length.
 */
const shared: Buffer = Buffer.allocUnsafeSlow(131_072)

/** A socket that comes to nothing, told like every other failure. */
const stillborn = (error: Error): Socket => new Socket().destroy(error)

/** Looks a name up and leaves out what may not be reached, just before it is connected to: a name may flip. */
function guardedLookup(options: ClientOptions, port: number): LookupFunction {
  return (host, how, done) => {
    lookup(host, { ...how, all: true }, (error, found: LookupAddress[]) => {
      if (error !== null) return done(error, '', 0)
      const reasons = found.map(({ address }) => options.refuseAddress(address, port))
      const allowed = found.filter((_, at) => reasons[at] === null)
      const first = allowed[0]
      if (first === undefined) {
        const reason = reasons[0] ?? `${host} has no address`
        return done(new DialError(found.length === 0 ? 'connect' : 'forbidden', reason), '', 0)
      }
      if (how.all === true) done(null, allowed)
      else done(null, first.address, first.family)
    })
  }
}

/** Makes the connections of one endpoint. */
export function createDial(origin: Origin, options: ClientOptions): Dial {
  const { host, path, port, protocol } = origin
  if (path !== null) {
    return (read) => connectNet({ path, onread: { buffer: shared, callback: readInto(read) } })
  }
  const name = host!
  const guarded = guardedLookup(options, port)
  const guard = (open: () => Socket) => (): Socket => {
    const refused = isIP(name) === 0 ? null : options.refuseAddress(name, port)
    return refused === null ? open() : stillborn(new DialError('forbidden', refused))
  }
  const to = { host: name, port, lookup: guarded, noDelay: true }
  if (protocol === 'http:') {
    return (read) =>
      guard(() => connectNet({ ...to, onread: { buffer: shared, callback: readInto(read) } }))()
  }
  const { serverName, verify } = options.tls
  const expected = serverName ?? name
  let context: SecureContext | null = null
  return guard(() => {
    try {
      context ??= createSecureContext(options.pem)
    } catch (error) {
      return stillborn(new DialError('tls', `certificate or key: ${(error as Error).message}`))
    }
    return connectTls({
      ...to,
      // Addresses are no names to ask for (RFC 6066 section 3), but certificates have them.
      servername: isIP(expected) === 0 ? expected : '',
      checkServerIdentity: (_, certificate) => checkServerIdentity(expected, certificate),
      rejectUnauthorized: verify,
      secureContext: context,
      ALPNProtocols: ['http/1.1'],
    })
  })
}

const readInto =
  (read: ReadBytes) =>
  (length: number): boolean =>
    read(length, shared)
