/**
 * Text from outside made safe for a terminal: control characters (escape sequences, backspaces, C1) and
 * the marks that reverse the direction of text are shown as escapes. Newlines and tabs stay.
 */
export function plainText(text: string): string {
  return text.replaceAll(
    // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
    /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** `plainText` on one line. */
export function plainLine(text: string): string {
  return plainText(text.replaceAll(/\s*[\r\n]+\s*/g, ' '))
}
