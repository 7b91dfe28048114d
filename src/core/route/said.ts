import type { Json } from '../json.ts'
import { fieldOf, hasField, readObject, type Input } from './input.ts'

/** Reads one field; undefined where it has problems. */
export type Read = (field: Input) => Json | undefined

/** How the fields of an object are read, by name. */
export type Fields = Readonly<Record<string, Read>>

export type Said = { readonly [key: string]: Json }

/** The fields of an object that are said and, of those that are needed, whether they are missing; problems are noted. */
export function readSaid(
  input: Input,
  what: string,
  fields: Fields,
  needed: readonly string[] = [],
): Said | undefined {
  if (!readObject(input, what, Object.keys(fields))) return undefined
  const said: Record<string, Json> = {}
  for (const [key, read] of Object.entries(fields)) {
    if (!hasField(input, key) && !needed.includes(key)) continue
    const value = read(fieldOf(input, key))
    if (value !== undefined) said[key] = value
  }
  return said
}
