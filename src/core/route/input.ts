import { problem, type ErrorCode, type Problem } from '../errors.ts'
import type { Json } from '../json.ts'
import { suggest } from '../suggest.ts'

/** A value of an input with its place; all places of one input share one list of problems. */
export interface Input {
  readonly value: unknown
  /** JSON pointer (RFC 6901). */
  readonly pointer: string
  readonly problems: Problem[]
}

/** Largest weight and farthest order: what 32 bits hold. */
export const maxInteger = 2_147_483_647
/** Most problems that are told of one input. */
export const maxProblems = 100

/** Keys by which an object reaches for prototypes. */
const forbiddenKeys: readonly string[] = ['__proto__', 'constructor', 'prototype']

/** Notes a problem of the definition. */
export function refuse(input: Input, reason: string): undefined {
  note(input, 'TURNOUT_DEFINITION_INVALID', { reason })
}

/** Notes that a value is missing or of another kind. */
export function refuseKind(input: Input, what: string, kind: string): undefined {
  const { value } = input
  refuse(
    input,
    value === undefined ? `${what} is missing` : `${what} is ${kind}, not ${kindOf(value)}`,
  )
}

/** Notes a problem with a code of its own. */
export function note(
  { problems, pointer }: Input,
  code: ErrorCode,
  values: Readonly<Record<string, string>>,
): void {
  if (problems.length < maxProblems) problems.push(problem(code, values, { pointer }))
}

/** Notes problems that were found in a part, at the part's place. */
export function noteAll({ problems, pointer }: Input, found: readonly Problem[]): void {
  for (const one of found) if (problems.length < maxProblems) problems.push({ ...one, pointer })
}

/** A text from outside, short and without control characters. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text)
}

export function pointerTo(pointer: string, key: string | number): string {
  return `${pointer}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`
}

/** Whether a value is an object of data: not an array, not an instance of a class. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Whether an object has a key of its own with a value. */
export function hasField({ value }: Input, key: string): boolean {
  return isPlainObject(value) && Object.hasOwn(value, key) && value[key] !== undefined
}

/** The value of an object's own key; undefined where there is none. */
export function fieldOf(input: Input, key: string): Input {
  const value = hasField(input, key) && isPlainObject(input.value) ? input.value[key] : undefined
  return { value, pointer: pointerTo(input.pointer, key), problems: input.problems }
}

/** Whether the value is an object with no other keys than these. */
export function readObject(input: Input, what: string, known: readonly string[]): boolean {
  if (!isPlainObject(input.value)) {
    refuseKind(input, what, 'an object')
    return false
  }
  for (const key of Object.keys(input.value)) {
    if (input.problems.length >= maxProblems) break
    const field = fieldOf(input, key)
    if (forbiddenKeys.includes(key)) refuse(field, `the key ${key} is not allowed`)
    else if (!known.includes(key)) {
      const near = suggest(key, known)
      const hint = near === undefined ? `; known: ${known.join(', ')}` : `; did you mean ${near}?`
      refuse(field, `${what} has no ${shown(key)}${hint}`)
    }
  }
  return true
}

/** Keys and values of an object, few of them. */
export function readEntries(
  input: Input,
  what: string,
  most: number,
): readonly (readonly [string, Input])[] | undefined {
  if (!isPlainObject(input.value)) return refuseKind(input, what, 'an object')
  const keys = Object.keys(input.value)
  if (keys.length > most) return refuse(input, `${what} has at most ${most} keys`)
  return keys.flatMap((key) => {
    const field = fieldOf(input, key)
    if (!forbiddenKeys.includes(key)) return [[key, field] as const]
    refuse(field, `the key ${key} is not allowed`)
    return []
  })
}

export function readList(
  input: Input,
  what: string,
  least: number,
  most: number,
): readonly Input[] | undefined {
  if (!Array.isArray(input.value)) return refuseKind(input, what, 'a list')
  const values: readonly unknown[] = input.value
  if (values.length < least) return refuse(input, `${what} has at least ${least} of them`)
  if (values.length > most) return refuse(input, `${what} has at most ${most} of them`)
  return Array.from(values, (value, at) => ({
    value,
    pointer: pointerTo(input.pointer, at),
    problems: input.problems,
  }))
}

export function readText(
  input: Input,
  what: string,
  least: number,
  most: number,
): string | undefined {
  const { value } = input
  if (typeof value !== 'string') return refuseKind(input, what, 'a text')
  if (value.length < least) return refuse(input, `${what} is empty`)
  if (value.length > most) return refuse(input, `${what} is longer than ${most} characters`)
  return value
}

/** A text that a person can read and tell apart: no control, format or lone surrogate characters. */
export function readName(input: Input, what: string): string | undefined {
  const text = readText(input, what, 1, 256)
  if (text === undefined || isPrintable(text)) return text
  return refuse(input, `${what} has characters that do not print, or a space at an end`)
}

/** Whether a text shows as it is: nothing invisible, no space at an end. */
export function isPrintable(text: string): boolean {
  return text.trim() === text && !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text)
}

export function readInteger(
  input: Input,
  what: string,
  least: number,
  most: number,
): number | undefined {
  if (!Number.isInteger(input.value)) return refuseKind(input, what, 'an integer')
  return readNumber(input, what, least, most)
}

/** A number, whole or not. */
export function readNumber(
  input: Input,
  what: string,
  least: number,
  most: number,
): number | undefined {
  const { value } = input
  if (typeof value !== 'number' || !Number.isFinite(value))
    return refuseKind(input, what, 'a number')
  if (value < least || value > most) return refuse(input, `${what} is ${least} to ${most}`)
  // Minus zero is zero.
  return value + 0
}

/** One of a few texts. */
export function readOneOf<Word extends string>(
  input: Input,
  what: string,
  words: readonly Word[],
): Word | undefined {
  const { value } = input
  const word = words.find((one) => one === value)
  if (word !== undefined) return word
  const near = typeof value === 'string' ? suggest(value, words) : undefined
  const hint = near === undefined ? '' : `; did you mean ${near}?`
  if (value === undefined) return refuseKind(input, what, 'a text')
  return refuse(input, `${what} is ${words.join(', ')}, not ${kindOf(value)}${hint}`)
}

export function readBoolean(input: Input, what: string): boolean | undefined {
  if (typeof input.value === 'boolean') return input.value
  return refuseKind(input, what, 'true or false')
}

/**
 * A copy of a value that JSON can say.
 *
 * @param depth Most objects and lists inside each other.
 * @param size Most characters of it as JSON.
 */
export function readJson(
  input: Input,
  what: string,
  depth: number,
  size: number,
): Json | undefined {
  let left = size
  let isBad = false
  const bad = (place: Input, reason: string): null => {
    if (!isBad) refuse(place, reason)
    isBad = true
    return null
  }
  const copy = (place: Input, level: number): Json => {
    const { value, problems } = place
    left -= typeof value === 'string' ? value.length + 1 : 1
    if (left < 0) return bad(input, `${what} is longer than ${size} characters of JSON`)
    if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
    if (typeof value === 'number' && Number.isFinite(value)) return value + 0
    const isList = Array.isArray(value)
    if (!isList && !isPlainObject(value))
      return bad(place, `${what} is JSON, and ${kindOf(value)} is not`)
    if (level >= depth) return bad(place, `${what} is nested deeper than ${depth} levels`)
    if (isList) {
      const items: Json[] = []
      for (const [at, item] of value.entries()) {
        if (isBad) break
        items.push(
          copy({ value: item, pointer: pointerTo(place.pointer, at), problems }, level + 1),
        )
      }
      return items
    }
    const object: Record<string, Json> = {}
    for (const key of Object.keys(value)) {
      if (isBad) break
      const field = fieldOf(place, key)
      if (forbiddenKeys.includes(key)) return bad(field, `the key ${key} is not allowed`)
      left -= key.length
      object[key] = copy(field, level + 1)
    }
    return object
  }
  const copied = copy(input, 0)
  if (!isBad && JSON.stringify(copied).length > size)
    bad(input, `${what} is longer than ${size} characters of JSON`)
  return isBad ? undefined : copied
}

/** What a value is, for a sentence. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'undefined'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'number') return Number.isFinite(value) ? `the number ${value}` : 'no number'
  if (typeof value === 'string') return `the text ${shown(value)}`
  if (typeof value === 'boolean') return `${value}`
  if (isPlainObject(value)) return 'an object'
  return typeof value === 'object' ? 'an instance of a class' : `a ${typeof value}`
}
