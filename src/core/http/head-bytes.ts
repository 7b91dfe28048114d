/** Which bytes are one of these characters. */
export const tableOf = (characters: string): Uint8Array => {
  const table = new Uint8Array(256)
  for (const character of characters) table[character.charCodeAt(0)] = 1
  return table
}

export const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
/** Of a token (RFC 9110 section 5.6.2), without `_`. */
export const tokenCharacters: string = `${letters}!#$%&'*+-.^\`|~`

export const codesOf = (text: string): readonly number[] =>
  Array.from(text, (character) => character.charCodeAt(0))

/** Whether the bytes from `at` on are these characters, in any case where they are letters. */
export const isText = (bytes: Uint8Array, at: number, codes: readonly number[]): boolean => {
  for (let index = 0; index < codes.length; index++) {
    // Sets the bit by which small letters differ from capitals; digits and `-` have it already.
    if ((bytes[at + index]! | 32) !== codes[index]) return false
  }
  return true
}

/** The same to the letter, of the first `count`. */
export const isExactly = (
  bytes: Uint8Array,
  at: number,
  codes: readonly number[],
  count: number = codes.length,
): boolean => {
  for (let index = 0; index < count; index++) if (bytes[at + index] !== codes[index]) return false
  return true
}

/** Space or tab. */
export const isBlank = (code: number): boolean => code === 32 || code === 9

/** Of decimal digits, as many as are exact; -1 for anything else. */
export const numberOf = (bytes: Uint8Array, from: number, to: number): number => {
  if (to === from || to - from > 15) return -1
  let value = 0
  for (let at = from; at < to; at++) {
    const digit = bytes[at]! - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}
