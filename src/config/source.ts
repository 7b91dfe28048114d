import { codeFrame, positionAt } from '../core/code-frame.ts'
import type { Place, Problem } from '../core/errors.ts'

/** Where a path of the config stands in its text: the offset of its key or of its value. */
export type Locate = (path: readonly PropertyKey[], part: 'key' | 'value') => number | undefined

/** A config that was read but not yet checked, or why it could not be read. */
export type ReadResult =
  | { readonly ok: true; readonly value: unknown; readonly locate: Locate }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** A place with its code frame, from an offset in the file's text. */
export function placeAt(file: string, text: string, offset: number): Place {
  const position = positionAt(text, offset)
  return { file, ...position, frame: codeFrame(text, position.line, position.column) }
}

/** Where a JSON pointer leads. What is missing has no place: the nearest thing around it has. */
export function findOffset(locate: Locate, pointer: string): number {
  const path = pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
  for (let length = path.length; length >= 0; length -= 1) {
    const offset = locate(path.slice(0, length), 'value')
    if (offset !== undefined) return offset
  }
  return 0
}

/** What an unknown thrown value says, on one line. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error) return error.message.split('\n', 1)[0] || error.name
  try {
    return String(error)
  } catch {
    return 'a value that cannot be shown'
  }
}
