import type { Json } from '../json.ts'
import { isVersion } from '../version/version.ts'
import {
  fieldOf,
  hasField,
  isPrintable,
  maxInteger,
  readEntries,
  readInteger,
  readText,
  refuse,
  shown,
  type Input,
} from './input.ts'
import { readPredicates, renderPredicate } from './predicate-parse.ts'
import { noSelection, type Selection } from './route.ts'
import { readWeight, renderWeight } from './weight-parse.ts'

export { maxInteger } from './input.ts'
export { maxPredicates } from './predicate-parse.ts'

const maxLabels = 32

/** The keys of a route that its selection is made of. */
export const selectionKeys: readonly string[] = [
  'predicates',
  'version',
  'labels',
  'weight',
  'order',
]

/** The selection, or null where it decides nothing. */
export function selectionOf(given: Partial<Selection>): Selection | null {
  const selection = { ...noSelection, ...given }
  const { predicates, version, labels, weight, order } = selection
  const decides =
    predicates.length > 0 ||
    version !== null ||
    Object.keys(labels).length > 0 ||
    weight !== null ||
    order !== 0
  return decides ? selection : null
}

/** Reads what decides among routes of one place, from a route; problems are noted. */
export function readSelection(route: Input): Selection | null {
  const given = <Value>(
    key: string,
    read: (field: Input) => Value | undefined,
  ): Value | undefined => (hasField(route, key) ? read(fieldOf(route, key)) : undefined)
  const predicates = given('predicates', (field) => readPredicates(field, 0))
  const version = given('version', readVersion)
  const labels = given('labels', readLabels)
  const weight = given('weight', readWeight)
  const order = given('order', (field) =>
    readInteger(field, 'an order', -maxInteger - 1, maxInteger),
  )
  return selectionOf({
    ...(predicates && { predicates }),
    ...version,
    ...(labels && { labels }),
    ...(weight && { weight }),
    ...(order !== undefined && { order }),
  })
}

/** The keys of a route in our own shape. */
export function renderSelection(selection: Selection | null): Readonly<Record<string, Json>> {
  if (selection === null) return {}
  const { predicates, version, isBaseline, labels, weight, order } = selection
  return {
    ...(predicates.length > 0 && { predicates: predicates.map(renderPredicate) }),
    ...(version !== null && { version: isBaseline ? `${version}+` : version }),
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(weight !== null && { weight: renderWeight(weight) }),
    ...(order !== 0 && { order }),
  }
}

/** `1.2.0`, or as a baseline `1.2.0+`. */
function readVersion(input: Input): Pick<Selection, 'version' | 'isBaseline'> | undefined {
  const text = readText(input, 'a version', 1, 256)
  if (text === undefined) return undefined
  const isBaseline = text.endsWith('+')
  const version = isBaseline ? text.slice(0, -1) : text
  if (isVersion(version)) return { version, isBaseline }
  return refuse(input, `${shown(text)} is no version like 1.2.0, or 1.2.0+ for later ones too`)
}

/** Texts by name. */
export function readLabels(input: Input): Readonly<Record<string, string>> | undefined {
  const labels: Record<string, string> = {}
  for (const [key, field] of readEntries(input, 'labels', maxLabels) ?? []) {
    const value = readText(field, 'a label', 1, 256)
    if (!/^[A-Za-z\d][\w./-]{0,63}$/.test(key))
      refuse(
        field,
        `${shown(key)} is no name of a label: letters, digits, and . _ - / after the first`,
      )
    else if (value !== undefined && !isPrintable(value))
      refuse(field, 'a label has characters that do not print, or a space at an end')
    else if (value !== undefined) labels[key] = value
  }
  return labels
}
