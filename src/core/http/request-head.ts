import {
  codesOf,
  isBlank,
  isExactly,
  isText,
  letters,
  numberOf,
  tableOf,
  tokenCharacters,
} from './head-bytes.ts'

/** What `read` gives where the head is not complete. */
export const needsMore = -1
/** What `read` gives for a head that is not of the ordinary kind, whatever it is: somebody else's to read, or to refuse. */
export const isElsewhere = -2

/** The shortest head begins with `GET / HTTP/1.1\r\n`. */
const shortest = 16
const feed = 10
const carriageReturn = 13
const tab = 9
const space = 32
const colon = 58

/** Of names: RFC 9110 section 5.6.2, without `_`, which many readers take for `-`. */
const inName = tableOf(tokenCharacters)
/** Of targets: RFC 3986 section 2. */
const inTarget = tableOf(`${letters}-._~!$&'()*+,;=:@/?%`)
/** Of values: RFC 9110 section 5.5, without what is no ASCII. */
const inValue = ((): Uint8Array => {
  const table = new Uint8Array(256).fill(1, 32, 127)
  table[tab] = 1
  return table
})()

/** First letters of names that may not be passed on as they are. */
const byFirst = tableOf('fFhHkKpPtTuUxX')

/** Whether a name that begins so is of the connection, or claims who the client is, or may be: none of these is missed. */
const isSuspect = (bytes: Uint8Array, at: number, length: number): boolean => {
  // Sets the bit by which small letters differ from capitals.
  switch (bytes[at]! | 32) {
    case 102: // forwarded
      return length === 9
    case 104: // http2-settings
      return length === 14
    case 107: // keep-alive
      return length === 10
    case 112: // proxy-connection, proxy-authenticate, proxy-authorization
      return length === 16 || length === 18 || length === 19
    case 116: // te, trailer, turnout-...
      return length === 2 || length === 7 || (bytes[at + 1]! | 32) === 117
    case 117: // upgrade
      return length === 7
    default: // x-real-ip, x-forwarded...
      return length === 9 || (bytes[at + 2]! | 32) === 102
  }
}

const version = codesOf(' HTTP/1.1\r\n')
const hostName = codesOf('host')
const expectName = codesOf('expect')
const upgradeName = codesOf('upgrade')
const connectionName = codesOf('connection')
const lengthName = codesOf('content-length')
// No field of HTTP, but llhttp obeys it.
const proxyConnectionName = codesOf('proxy-connection')
const codingName = codesOf('transfer-encoding')
const keepAlive = codesOf('keep-alive')
const close = codesOf('close')

const methods: readonly (readonly [string, readonly number[]])[] = [
  'GET',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'HEAD',
  'OPTIONS',
].map((name) => [name, codesOf(`${name} /`)])

/** Whether bytes that are less than a first line can become one: who waits for more of what is junk waits for ever. */
const isBeginning = (bytes: Uint8Array, from: number, to: number): boolean => {
  const size = to - from
  for (const [, codes] of methods) {
    if (!isExactly(bytes, from, codes, Math.min(codes.length, size))) continue
    if (size <= codes.length) return true
    let at = from + codes.length
    while (at < to && inTarget[bytes[at]!] === 1) at++
    return isExactly(bytes, at, version, Math.min(version.length, to - at))
  }
  return false
}

/** Bounds of what is read here; a head beyond one of them is somebody else's. */
export interface HeadLimits {
  readonly headerBytes: number
  readonly headerFields: number
  readonly targetLength: number
}

/**
 * Reads the head of an ordinary request in one pass over its bytes: HTTP/1.1, a method that everybody knows, a path, one
 * `Host`, a `Content-Length` or no body, `Connection` plainly `keep-alive` or `close`. It makes no text, and it refuses
 * nothing: of whatever else a head may be, or be wrong in, it says that it is somebody else's. So what it takes is a part
 * of what a whole parser takes, and means the same (RFC 9112).
 *
 *     GET /users/1?x HTTP/1.1\r\n  host: example\r\n ... \r\n\r\n
 *         ^targetFrom ^targetTo    ^fieldsFrom                   ^end
 */
export class RequestHead {
  method = ''
  targetFrom = 0
  targetTo = 0
  fieldsFrom = 0
  /** Of the value of `Host`, which is not empty. */
  hostFrom = 0
  hostTo = 0
  /** Bytes of the body behind the head. */
  bodyLength = 0
  /** The client says that no other request follows. */
  isLast = false
  /**
   * All fields but those in `cuts` may go on as they are: none is of the connection, or claims who the client is.
   */
  isPlain = false
  /**
   * Lines of `Host`, `Connection` and `Content-Length`, in order: where each begins, and the one behind it. Those that are
   * not there begin and end behind the fields: a list of one length costs least.
   */
  readonly cuts: [number, number, number, number, number, number] = [0, 0, 0, 0, 0, 0]
  readonly #limits: HeadLimits

  constructor(limits: HeadLimits) {
    this.#limits = limits
  }

  /** Reads a head that begins at `from`. Gives the position behind it, or `needsMore`, or `isElsewhere`. */
  read(bytes: Uint8Array, from: number, to: number): number {
    const { headerBytes, headerFields, targetLength } = this.#limits
    if (to - from < shortest) return isBeginning(bytes, from, to) ? needsMore : isElsewhere
    const targetFrom = this.#readMethod(bytes, from)
    if (targetFrom < 0) return isElsewhere
    let at = targetFrom
    while (at < to && inTarget[bytes[at]!] === 1) at++
    if (at - targetFrom > targetLength) return isElsewhere
    if (at + version.length > to) return isBeginning(bytes, from, to) ? needsMore : isElsewhere
    if (!isExactly(bytes, at, version)) return isElsewhere
    this.targetFrom = targetFrom
    this.targetTo = at
    at += version.length
    this.fieldsFrom = at
    this.hostTo = 0
    this.bodyLength = -1
    this.isLast = false
    this.isPlain = true
    const { cuts } = this
    let cut = 0
    let hasConnection = false
    for (let count = 0; ; count++) {
      if (at + 1 >= to)
        return at - from > headerBytes || isJunk(bytes, at, to, inName) ? isElsewhere : needsMore
      if (bytes[at] === carriageReturn) break
      const nameFrom = at
      while (at < to && inName[bytes[at]!] === 1) at++
      const nameTo = at
      if (at >= to) return at - from > headerBytes ? isElsewhere : needsMore
      if (bytes[at] !== colon || nameTo === nameFrom || count === headerFields) return isElsewhere
      at++
      while (at < to && (bytes[at] === space || bytes[at] === tab)) at++
      const valueFrom = at
      while (at < to && inValue[bytes[at]!] === 1) at++
      if (at - from > headerBytes) return isElsewhere
      if (at + 1 >= to) return isJunk(bytes, at, to, inValue) ? isElsewhere : needsMore
      if (bytes[at] !== carriageReturn || bytes[at + 1] !== feed) return isElsewhere
      let valueTo = at
      at += 2
      const length = nameTo - nameFrom
      if (byFirst[bytes[nameFrom]!] === 1 && isSuspect(bytes, nameFrom, length))
        this.isPlain = false
      // Names are told apart by their length first: most fields are none of these.
      if (length === 4) {
        if (!isText(bytes, nameFrom, hostName)) continue
        while (valueTo > valueFrom && isBlank(bytes[valueTo - 1]!)) valueTo--
        if (this.hostTo !== 0 || valueTo === valueFrom) return isElsewhere
        this.hostFrom = valueFrom
        this.hostTo = valueTo
        cuts[cut++] = nameFrom
        cuts[cut++] = at
      } else if (length === 10) {
        if (!isText(bytes, nameFrom, connectionName)) continue
        if (hasConnection) return isElsewhere
        hasConnection = true
        cuts[cut++] = nameFrom
        cuts[cut++] = at
        if (valueTo - valueFrom === 5 && isText(bytes, valueFrom, close)) this.isLast = true
        else if (valueTo - valueFrom !== 10 || !isText(bytes, valueFrom, keepAlive))
          return isElsewhere
      } else if (length === 14) {
        if (!isText(bytes, nameFrom, lengthName)) continue
        if (this.bodyLength !== -1) return isElsewhere
        this.bodyLength = numberOf(bytes, valueFrom, valueTo)
        if (this.bodyLength === -1) return isElsewhere
        cuts[cut++] = nameFrom
        cuts[cut++] = at
      } else if (
        (length === 6 && isText(bytes, nameFrom, expectName)) ||
        (length === 7 && isText(bytes, nameFrom, upgradeName)) ||
        (length === 16 && isText(bytes, nameFrom, proxyConnectionName)) ||
        (length === 17 && isText(bytes, nameFrom, codingName))
      )
        return isElsewhere
    }
    if (bytes[at + 1] !== feed || this.hostTo === 0) return isElsewhere
    if (this.bodyLength === -1) this.bodyLength = 0
    while (cut < 6) cuts[cut++] = at
    return at + 2
  }

  /** Gives where the target begins, or -1. */
  #readMethod(bytes: Uint8Array, from: number): number {
    for (let index = 0; index < methods.length; index++) {
      const [name, codes] = methods[index]!
      if (!isExactly(bytes, from, codes)) continue
      this.method = name
      return from + codes.length - 1
    }
    return -1
  }
}

/** Of the last byte that has come: neither the end of a line nor one that may stand there. */
const isJunk = (bytes: Uint8Array, at: number, to: number, table: Uint8Array): boolean =>
  at < to && bytes[at] !== carriageReturn && table[bytes[at]!] !== 1
