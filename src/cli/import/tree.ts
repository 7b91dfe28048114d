import { pointerTo } from '../../core/route/input.ts'

/** A setting of a document: its whole name, and where it stands. */
export interface Setting {
  /** Parts of the name, as they are written. */
  readonly name: readonly string[]
  readonly value: unknown
  readonly pointer: string
}

/** Spring's relaxed names: `default-filters`, `defaultFilters` and `default_filters` are one. */
export const plainName = (name: string): string => name.toLowerCase().replaceAll(/[-_]/g, '')

export const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Every setting of a document; a name may be cut into nested keys and dots as one likes. Lists are not entered. */
export function* settingsOf(
  value: unknown,
  name: readonly string[] = [],
  pointer = '',
): Generator<Setting> {
  if (!isMapping(value) || Object.keys(value).length === 0) {
    if (name.length > 0) yield { name, value, pointer }
    return
  }
  for (const [key, one] of Object.entries(value))
    yield* settingsOf(one, [...name, ...key.split('.')], pointerTo(pointer, key))
}

/** The rest of a name behind a prefix; null: it does not begin so. */
export function restAfter(name: readonly string[], prefix: string): readonly string[] | null {
  const words = prefix.split('.')
  const isPrefix = words.every((word, at) => plainName(word) === plainName(name[at] ?? ''))
  return isPrefix ? name.slice(words.length) : null
}

/** The field of a mapping under any spelling of its name. */
export function fieldNamed(
  value: Readonly<Record<string, unknown>>,
  pointer: string,
  name: string,
): { readonly value: unknown; readonly pointer: string } | null {
  const key = Object.keys(value).find((one) => plainName(one) === plainName(name))
  return key === undefined ? null : { value: value[key], pointer: pointerTo(pointer, key) }
}
