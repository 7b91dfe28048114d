import type { Json } from '../json.ts'
import { readHashKey } from './hash-key-parse.ts'
import {
  fieldOf,
  hasField,
  maxInteger,
  readInteger,
  readList,
  readName,
  readObject,
  refuse,
  refuseKind,
  shown,
  type Input,
} from './input.ts'
import { readPredicates, renderPredicate } from './predicate-parse.ts'
import type { Weight } from './route.ts'

/** The group of a weight that names none. */
const defaultGroup = 'default'
/** Most sides that are not there. */
const maxAbsent = 32
const keys = ['group', 'weight', 'side', 'key', 'cohort', 'absent']

const readShare = (input: Input, key: string): number | undefined =>
  readInteger(fieldOf(input, key), 'a weight', 0, maxInteger)

/** A number, or `{ group, weight, side, key, cohort, absent }`. */
export function readWeight(input: Input): Weight | undefined {
  if (typeof input.value === 'number') {
    const weight = readInteger(input, 'a weight', 0, maxInteger)
    return weight === undefined ? undefined : { group: defaultGroup, weight }
  }
  if (typeof input.value !== 'object' || input.value === null)
    return refuseKind(input, 'a weight', 'an integer or { group, weight }')
  if (!readObject(input, 'a weight', keys)) return undefined
  const given = <Value>(
    key: string,
    read: (field: Input) => Value | undefined,
  ): Value | undefined => (hasField(input, key) ? read(fieldOf(input, key)) : undefined)
  const group = readName(fieldOf(input, 'group'), 'the group of a weight')
  const weight = readShare(input, 'weight')
  const side = given('side', (field) => readName(field, 'a side'))
  const key = given('key', readHashKey)
  const cohort = given('cohort', readCohort)
  const absent = given('absent', (field) => readAbsent(field, side))
  if (group === undefined || weight === undefined) return undefined
  return {
    group,
    weight,
    ...(side !== undefined && { side }),
    ...(key && { key }),
    ...(cohort && { cohort }),
    ...(absent && absent.length > 0 && { absent }),
  }
}

/** The weight as `readWeight` reads it. */
export function renderWeight({ cohort, ...rest }: Weight): Json {
  const others: Json = { ...rest }
  return {
    ...others,
    ...(cohort !== undefined && {
      cohort: { predicates: cohort.predicates.map(renderPredicate), weight: cohort.weight },
    }),
  }
}

function readCohort(input: Input): Weight['cohort'] | undefined {
  if (!readObject(input, 'a cohort', ['predicates', 'weight'])) return undefined
  const predicates = readPredicates(fieldOf(input, 'predicates'), 1)
  const weight = readShare(input, 'weight')
  return predicates === undefined || weight === undefined ? undefined : { predicates, weight }
}

function readAbsent(input: Input, own: string | undefined): Weight['absent'] | undefined {
  const sides = new Set<string | undefined>([own])
  return readList(input, 'absent sides', 0, maxAbsent)?.flatMap((item) => {
    if (!readObject(item, 'an absent side', ['side', 'weight', 'cohort'])) return []
    const side = readName(fieldOf(item, 'side'), 'a side')
    const weight = readShare(item, 'weight')
    const cohort = hasField(item, 'cohort') ? readShare(item, 'cohort') : undefined
    if (side !== undefined && sides.has(side))
      refuse(fieldOf(item, 'side'), `the side ${shown(side)} is there, or stands there twice`)
    sides.add(side)
    if (side === undefined || weight === undefined) return []
    return [{ side, weight, ...(cohort !== undefined && { cohort }) }]
  })
}
