/** An IP address as groups of 16 bits: two for version 4, eight for version 6. */
export type Address = readonly number[]

/** The addresses that begin with the first `bits` of one. */
export interface Block {
  readonly address: Address
  readonly bits: number
}

const maxLength = 64

/**
 * Reads an address in dotted or colon form. A version 4 address that is mapped into version 6 (`::ffff:1.2.3.4`) is
 * the version 4 one, as a socket of both kinds reports it; a zone (`%eth0`) is passed over.
 */
export function parseAddress(text: string): Address | null {
  if (text.length > maxLength) return null
  if (!text.includes(':')) return parseDotted(text)
  if (text.startsWith('::ffff:') && text.includes('.')) return parseDotted(text.slice(7))
  const groups = parseColons(text.replace(/%[\w.-]+$/, ''))
  if (groups === null) return null
  return isMapped(groups) ? groups.slice(6) : groups
}

/** Reads `10.0.0.0/8`, `fd00::/8`, or an address alone. Bits after the prefix do not count. */
export function parseBlock(text: string): Block | null {
  const [base = '', size, more] = text.split('/')
  if (more !== undefined || base.includes('%')) return null
  const address = parseAddress(base)
  if (address === null) return null
  const most = address.length * 16
  if (size === undefined) return { address, bits: most }
  if (!/^\d{1,3}$/.test(size)) return null
  // A mapped address was written with the 96 bits that lead to it.
  const bits = Number(size) - (base.includes(':') && address.length === 2 ? 96 : 0)
  return bits < 0 || bits > most ? null : { address, bits }
}

/** Whether an address lies in a block; one of version 4 never lies in a block of version 6. */
export function isInBlock(address: Address, { address: base, bits }: Block): boolean {
  return address.length === base.length && haveSamePrefix(address, base, bits)
}

/** Whether two blocks share an address: the smaller lies in the larger. */
export function doBlocksMeet(left: Block, right: Block): boolean {
  return (
    left.address.length === right.address.length &&
    haveSamePrefix(left.address, right.address, Math.min(left.bits, right.bits))
  )
}

/** The address as text that `parseAddress` reads. */
export function addressText(address: Address): string {
  if (address.length === 8) return address.map((group) => group.toString(16)).join(':')
  return address.flatMap((group) => [group >> 8, group & 0xff]).join('.')
}

function haveSamePrefix(left: Address, right: Address, bits: number): boolean {
  for (let at = 0; at * 16 < bits; at += 1) {
    const shift = Math.max(0, 16 - (bits - at * 16))
    if ((left[at] ?? 0) >> shift !== (right[at] ?? 0) >> shift) return false
  }
  return true
}

/** By hand: it runs for each request that a predicate asks for its client. */
function parseDotted(text: string): Address | null {
  const groups: number[] = []
  let high = 0
  let byte = -1
  let count = 0
  for (let at = 0; at <= text.length; at += 1) {
    const code = at === text.length ? 0x2e : text.charCodeAt(at)
    if (code >= 0x30 && code <= 0x39) {
      // A leading zero is octal to some readers.
      if (byte === 0) return null
      byte = Math.max(byte, 0) * 10 + code - 0x30
      if (byte > 255) return null
    } else {
      if (code !== 0x2e || byte < 0) return null
      if (count % 2 === 0) high = byte
      else groups.push(high * 256 + byte)
      count += 1
      byte = -1
    }
  }
  return count === 4 ? groups : null
}

function parseColons(text: string): Address | null {
  const halves = text.split('::')
  if (halves.length > 2) return null
  const [head, tail] = halves.map((half, at) => parseGroups(half, at === halves.length - 1))
  if (head === undefined || head === null || tail === null) return null
  if (tail === undefined) return head.length === 8 ? head : null
  const missing = 8 - head.length - tail.length
  return missing < 1 ? null : [...head, ...Array<number>(missing).fill(0), ...tail]
}

function parseGroups(text: string, isLast: boolean): Address | null {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [at, part] of parts.entries()) {
    if (/^[\da-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16))
    else {
      const dotted = isLast && at === parts.length - 1 ? parseDotted(part) : null
      if (dotted === null) return null
      groups.push(...dotted)
    }
  }
  return groups
}

const isMapped = (groups: Address): boolean =>
  groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)
