/**
 * MurmurHash3, the x86 variant of 32 bits, of a text's chars: the same as of its bytes where all are below 256, as in
 * header fields; of a higher char both bytes are taken. Spreads well and is quick; it does not withstand somebody who
 * looks for two texts of the same hash.
 */
export function hash32(text: string, seed = 0): number {
  let hash = seed | 0
  let block = 0
  let length = 0
  for (let at = 0; at < text.length; at += 1) {
    let bytes = text.charCodeAt(at)
    do {
      block |= (bytes & 0xff) << ((length & 3) * 8)
      length += 1
      if ((length & 3) === 0) {
        hash ^= scramble(block)
        hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
        block = 0
      }
      bytes >>>= 8
    } while (bytes > 0)
  }
  hash ^= scramble(block) ^ length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function scramble(block: number): number {
  const spread = Math.imul(block, 0xcc9e2d51)
  return Math.imul((spread << 15) | (spread >>> 17), 0x1b873593)
}
