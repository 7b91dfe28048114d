import type { Item } from '../../admin/answers.ts'
import { cut } from '../align.ts'
import { textOf } from './route-text.ts'

const longest = 40

/** What differs between two items, field by field: `order 1 → 2`, `breaker.slidingWindowSize 10 → 20`. The revision always does. */
export function changedFields(before: Item, after: Item): string {
  return namesOf(before, after)
    .filter((name) => name !== 'revision')
    .flatMap((name) => changesOf(name, before[name], after[name]))
    .join(', ')
}

const namesOf = (before: object, after: object): readonly string[] => [
  ...new Set([...Object.keys(before), ...Object.keys(after)]),
]

const isObject = (value: unknown): value is Item =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function changesOf(name: string, before: unknown, after: unknown): readonly string[] {
  if (shown(before) === shown(after)) return []
  if (isObject(before) && isObject(after))
    return namesOf(before, after).flatMap((key) =>
      changesOf(`${name}.${key}`, before[key], after[key]),
    )
  if (Array.isArray(before) && Array.isArray(after)) {
    const [gone, come] = [without(before, after), without(after, before)]
    if (gone.length + come.length > 0)
      return [
        [name, ...gone.map((one) => `-${brief(one)}`), ...come.map((one) => `+${brief(one)}`)].join(
          ' ',
        ),
      ]
  }
  return [`${name} ${brief(before)} → ${brief(after)}`]
}

/** Values of a list that the other one has not. */
const without = (values: readonly unknown[], others: readonly unknown[]): readonly unknown[] => {
  const known = new Set(others.map(shown))
  return values.filter((value) => !known.has(shown(value)))
}

const shown = (value: unknown): string => (value === undefined ? 'none' : textOf(value))

const brief = (value: unknown): string => cut(shown(value), longest)
