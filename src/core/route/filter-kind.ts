import { readDuration } from './duration.ts'
import { readBoolean, readInteger, readNumber } from './input.ts'
import type { Fields, Read, Said } from './said.ts'

/** What an author may say of a kind of filter. */
export interface FilterKind {
  readonly fields: Fields
  /** Fields without which it says nothing. */
  readonly needed: readonly string[]
  /** What holds where a field is not said. */
  readonly defaults: Said
  /** A route has at most one. */
  readonly isSingle: boolean
}

const longest = 86_400_000

export const duration =
  (what: string, most: number = longest): Read =>
  (field) =>
    readDuration(field, what, 0, most)
export const integer =
  (what: string, least: number, most: number): Read =>
  (field) =>
    readInteger(field, what, least, most)
export const number =
  (what: string, least: number, most: number): Read =>
  (field) =>
    readNumber(field, what, least, most)
export const flag =
  (what: string): Read =>
  (field) =>
    readBoolean(field, what)

export const kind = (
  fields: Fields,
  needed: readonly string[] = [],
  defaults: Said = {},
  isSingle = false,
): FilterKind => ({ fields, needed, defaults, isSingle })
