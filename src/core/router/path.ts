/** Why a path part has no canonical form; each is answered 400. */
export type PathFault =
  | 'not-absolute'
  | 'bad-escape'
  | 'not-utf8'
  | 'nul'
  | 'control-character'
  | 'backslash'
  | 'encoded-backslash'
  | 'encoded-slash'
  | 'fragment'

/**
 * `encodedSlash: 'keep'` lets `%2F` through as a character of a segment; it never separates. `encodedBackslash` the
 * same for `%5C`: only where nobody behind reads the path as that of a file.
 */
export interface PathOptions {
  readonly encodedSlash?: 'reject' | 'keep'
  readonly encodedBackslash?: 'reject' | 'keep'
}

/** The canonical path of a request target, or why there is none. */
export type CanonicalPath =
  | { readonly path: string; readonly fault: null }
  | { readonly path: null; readonly fault: PathFault }

/** A character that stands for itself in a segment: RFC 3986 `pchar` without escapes. */
export const plain = 0
export const slash = 1
export const query = 2
/** A character that `canonicalPath` rewrites or refuses. */
export const dirty = 3

/**
 * What each UTF-16 code unit is in a request target. As long as the unit's range, so that no look-up in
 * a hot loop can be out of bounds.
 */
export const charClass: Uint8Array = new Uint8Array(65_536).fill(dirty)

const unreserved = new Uint8Array(256)
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~') {
  unreserved[char.charCodeAt(0)] = 1
  charClass[char.charCodeAt(0)] = plain
}
for (const char of "!$&'()*+,;=:@") charClass[char.charCodeAt(0)] = plain
charClass[0x2f] = slash
charClass[0x3f] = query

const escapes: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
)

const hexValue = (code: number): number => {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

const ok = (path: string): CanonicalPath => ({ path, fault: null })
const bad = (fault: PathFault): CanonicalPath => ({ path: null, fault })

/**
 * The canonical path of the path part of a raw request target (origin-form; `*` and absolute-form are
 * the caller's business).
 *
 * A canonical path is an RFC 3986 `path-absolute` or ends in one `/`: every character is a `pchar`,
 * escapes are upper-case and spell valid UTF-8, no escape spells an unreserved character (2.3), no
 * segment is empty (but the last) or a dot segment. It is its own canonical path.
 *
 * `//` is collapsed before dot segments are resolved; `..` never leaves the root. A code unit of
 * 0x80-0xff is one byte, as Node's parser hands it over; a greater one stands for its UTF-8 bytes.
 */
export function canonicalPath(target: string, options: PathOptions = {}): CanonicalPath {
  const end = canonicalEnd(target)
  if (end >= 0) return ok(end === target.length ? target : target.slice(0, end))
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  if (path.charCodeAt(0) !== 0x2f) return bad('not-absolute')
  return rewrite(path, options.encodedSlash === 'keep', options.encodedBackslash === 'keep')
}

/** Where the path part ends if it is canonical and has no escape, else -1. */
function canonicalEnd(target: string): number {
  if (target.charCodeAt(0) !== 0x2f) return -1
  let before = 0x2f
  for (let at = 1; at < target.length; at += 1) {
    const code = target.charCodeAt(at)
    const kind = charClass[code]
    if (kind === query) return at
    if (kind === dirty) return -1
    // Whatever begins with a dot is left to the slow form: `/.env` is rare.
    if (before === 0x2f && (code === 0x2f || code === 0x2e)) return -1
    before = code
  }
  return target.length
}

function rewrite(path: string, keepSlash: boolean, keepBackslash: boolean): CanonicalPath {
  let out = ''
  let from = 0
  let hasHighByte = false
  for (let at = 0; at < path.length; at += 1) {
    const code = path.charCodeAt(at)
    if (charClass[code] !== dirty) continue
    out += path.slice(from, at)
    if (code === 0x25) {
      const high = hexValue(path.charCodeAt(at + 1))
      const low = hexValue(path.charCodeAt(at + 2))
      if (high < 0 || low < 0) return bad('bad-escape')
      const byte = high * 16 + low
      if (byte === 0) return bad('nul')
      if (byte === 0x5c && !keepBackslash) return bad('encoded-backslash')
      if (byte === 0x2f && !keepSlash) return bad('encoded-slash')
      if (byte >= 0x80) hasHighByte = true
      out += unreserved[byte] === 1 ? String.fromCharCode(byte) : escapes[byte]
      at += 2
    } else if (code === 0x5c) return bad('backslash')
    else if (code === 0x23) return bad('fragment')
    else if (code === 0) return bad('nul')
    else if (code < 0x20 || code === 0x7f) return bad('control-character')
    else if (code <= 0xff) {
      if (code >= 0x80) hasHighByte = true
      out += escapes[code]
    } else {
      const point = path.codePointAt(at) ?? code
      if (point >= 0xd800 && point <= 0xdfff) return bad('not-utf8')
      out += encodeURIComponent(String.fromCodePoint(point))
      if (point > 0xffff) at += 1
    }
    from = at + 1
  }
  out += path.slice(from)
  if (hasHighByte && !isDecodable(out)) return bad('not-utf8')
  return ok(resolveDots(out))
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}

function resolveDots(path: string): string {
  const segments = path.split('/')
  const kept: string[] = []
  for (const segment of segments) {
    if (segment === '..') kept.pop()
    else if (segment !== '' && segment !== '.') kept.push(segment)
  }
  const last = segments.at(-1)
  const endsInSlash = last === '' || last === '.' || last === '..'
  if (kept.length === 0) return '/'
  return `/${kept.join('/')}${endsInSlash ? '/' : ''}`
}

/** The same path with its trailing slash taken away or added; undefined for `/`, which has no other. */
export function otherTrailingSlash(path: string): string | undefined {
  if (path === '/') return undefined
  return path.endsWith('/') ? path.slice(0, -1) : `${path}/`
}
