import type { Json } from '../json.ts'
import { anyMethod } from '../router/router.ts'
import {
  fieldOf,
  hasField,
  isPlainObject,
  readBoolean,
  readJson,
  readName,
  refuse,
  refuseKind,
  shown,
  type Input,
} from './input.ts'

/** Where an input stands. */
export interface At {
  /** Who the route or upstream belongs to. */
  readonly owner: string
  /** JSON pointer of the input in what it is a part of; empty where it is the whole. */
  readonly pointer: string
  /** The id or name that the surroundings give, as an address does; the input may leave it out. */
  readonly id?: string
}

const maxDepth = 16
const maxMetadata = 16_384

export type Metadata = { readonly [key: string]: Json }

/** Reads the id of a route or the name of an upstream. */
export function readIdentity(
  input: Input,
  key: 'id' | 'name',
  what: string,
  given: string | undefined,
): string | undefined {
  const field = fieldOf(input, key)
  const isGiven = given !== undefined && !hasField(input, key)
  const id = readName(isGiven ? { ...field, value: given } : field, what)
  // Whoever reads an address would take these for a step in it.
  if (id === '.' || id === '..') return refuse(field, `${what} is not ${id}`)
  if (id !== undefined && given !== undefined && id !== given)
    return refuse(field, `${what} is ${shown(given)} in the address`)
  return id
}

/** True where it is not said. */
export function readEnabled(input: Input): boolean | undefined {
  return hasField(input, 'enabled') ? readBoolean(fieldOf(input, 'enabled'), 'enabled') : true
}

/** Null where there is none. */
export function readMetadata(input: Input): Metadata | null | undefined {
  if (!hasField(input, 'metadata')) return null
  const field = fieldOf(input, 'metadata')
  if (!isPlainObject(field.value)) return refuseKind(field, 'metadata', 'an object')
  return readJson(field, 'metadata', maxDepth, maxMetadata) as Metadata | undefined
}

/** Whether a text in upper case is a method; `*` is not. */
export const isMethod = (text: string): boolean =>
  text !== anyMethod && text.length <= 64 && /^[\dA-Z_!#$%&'*+.^`|~-]+$/.test(text)
