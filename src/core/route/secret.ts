import { refuse, type Input } from './input.ts'

/** A secret as a table names it. The text itself never stands there. */
export type Secret =
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  /** Hex. */
  | { readonly kind: 'sha256'; readonly digest: string }
  | {
      readonly kind: 'scrypt'
      readonly cost: number
      readonly blockSize: number
      readonly parallel: number
      /** Base64url, as is `hash`. */
      readonly salt: string
      readonly hash: string
    }

/** Most memory that one check may take: 128 * cost * blockSize bytes. */
const maxScryptBytes = 64 * 1024 * 1024

/**
 * Reads `env:NAME`, `file:/path`, `sha256:HEX` or `scrypt:COST:BLOCK:PARALLEL:SALT:HASH`; null where it is none of them, or
 * a scrypt whose check would cost too little or too much.
 */
export function parseSecret(text: string): Secret | null {
  const colon = text.indexOf(':')
  const rest = text.slice(colon + 1)
  switch (colon < 0 ? '' : text.slice(0, colon)) {
    case 'env':
      return /^[A-Za-z_]\w{0,255}$/.test(rest) ? { kind: 'env', name: rest } : null
    case 'file':
      return /^\/[^\0\r\n]{1,1023}$/.test(rest) && !/\/\.{1,2}(?:\/|$)/.test(rest)
        ? { kind: 'file', path: rest }
        : null
    case 'sha256':
      return /^[\da-f]{64}$/i.test(rest) ? { kind: 'sha256', digest: rest.toLowerCase() } : null
    case 'scrypt':
      return parseScrypt(rest)
    default:
      return null
  }
}

function parseScrypt(text: string): Secret | null {
  const form = /^(\d{1,7}):(\d{1,2}):(\d{1,2}):([\w-]{11,86}):([\w-]{22,86})$/
  const [, cost, blockSize, parallel, salt, hash] = form.exec(text) ?? []
  if (salt === undefined || hash === undefined) return null
  const [n, r, p] = [Number(cost), Number(blockSize), Number(parallel)]
  const isPower = n >= 1024 && (n & (n - 1)) === 0
  if (!isPower || r < 1 || p < 1 || p > 4 || 128 * n * r > maxScryptBytes) return null
  return { kind: 'scrypt', cost: n, blockSize: r, parallel: p, salt, hash }
}

/** Reads a secret of some of these kinds. What is refused is never shown: it may be the secret itself. */
export function readSecret(input: Input, kinds: readonly Secret['kind'][]): string | undefined {
  const { value } = input
  const secret = typeof value === 'string' && value.length <= 1100 ? parseSecret(value) : null
  if (secret !== null && kinds.includes(secret.kind)) return value as string
  return refuse(input, `a secret is never written in a table: ${kinds.map(formOf).join(', ')}`)
}

const formOf = (kind: Secret['kind']): string =>
  ({
    env: 'env:NAME',
    file: 'file:/absolute/path',
    sha256: 'sha256: and 64 hex digits',
    scrypt: 'scrypt:16384:8:1:SALT:HASH',
  })[kind]
