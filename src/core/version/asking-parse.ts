import {
  fieldOf,
  hasField,
  readInteger,
  readList,
  readObject,
  readText,
  refuse,
  type Input,
} from '../route/input.ts'
import { maxText, nameReason, readPredicates } from '../route/predicate-parse.ts'
import { readLabels } from '../route/selection-parse.ts'
import { usualAsking, type AskingSettings, type LabelRule } from './asking.ts'

const maxRules = 32
/** A path has no more segments that a pattern could name. */
const maxSegment = 63

export const versionKeys = ['header', 'query', 'segment', 'mediaType'] as const
export const labelKeys = ['header', 'cookie', 'rules'] as const

/** Reads how an instance is asked for versions, `{ header, query, segment, mediaType }`; problems are noted. */
export function readVersionSources(input: Input): AskingSettings['versions'] {
  const usual = usualAsking.versions
  if (!readObject(input, 'versions', versionKeys)) return usual
  const given = reader(input)
  return {
    header: given('header', (field) => readNamed(field, 'header')) ?? usual.header,
    query: given('query', (field) => readNamed(field, 'query')) ?? null,
    segment:
      given('segment', (field) => readInteger(field, 'the index of a segment', 0, maxSegment)) ??
      null,
    mediaType:
      given('mediaType', (field) => readNamed(field, 'header', 'a parameter of a media type')) ??
      null,
  }
}

/** Reads where labels come from, `{ header, cookie, rules }`; problems are noted. */
export function readLabelSources(input: Input): AskingSettings['labels'] {
  const usual = usualAsking.labels
  if (!readObject(input, 'labels', labelKeys)) return usual
  const given = reader(input)
  return {
    header: given('header', (field) => readNamed(field, 'header')) ?? usual.header,
    cookie: given('cookie', (field) => readNamed(field, 'cookie')) ?? null,
    rules: given('rules', readRules) ?? [],
  }
}

const reader =
  (input: Input) =>
  <Value>(key: string, read: (field: Input) => Value | undefined): Value | undefined =>
    hasField(input, key) ? read(fieldOf(input, key)) : undefined

function readNamed(
  input: Input,
  kind: 'header' | 'query' | 'cookie',
  what: string = `the name of a ${kind}`,
): string | undefined {
  const name = readText(input, what, 1, maxText)
  const reason = name === undefined ? null : nameReason(kind, name)
  return reason === null ? name : refuse(input, reason)
}

function readRules(input: Input): readonly LabelRule[] | undefined {
  return readList(input, 'rules', 0, maxRules)?.flatMap((rule): readonly LabelRule[] => {
    if (!readObject(rule, 'a rule', ['predicates', 'labels'])) return []
    const predicates = readPredicates(fieldOf(rule, 'predicates'), 1)
    const labels = readLabels(fieldOf(rule, 'labels'))
    return predicates === undefined || labels === undefined ? [] : [{ predicates, labels }]
  })
}

/** Where requests ask for a version, as an author says it; the rest at its default. */
export interface VersionOptions {
  /** A header field. Default `X-API-Version`. */
  readonly header?: string | undefined
  /** A parameter of the query. */
  readonly query?: string | undefined
  /** A segment of the path, counted from 0. */
  readonly segment?: number | undefined
  /** A parameter of a media type in `Accept`: `version` for `application/json; version=1.2`. */
  readonly mediaType?: string | undefined
}

/** Where labels come from, as an author says it; the rest at its default. */
export interface LabelOptions {
  /** A header field. Default `X-Turnout-Labels`. */
  readonly header?: string | undefined
  /** A cookie. */
  readonly cookie?: string | undefined
  /** Clients for whom all predicates hold have the labels. */
  readonly rules?:
    | readonly {
        readonly predicates: readonly { readonly kind: string; readonly [field: string]: unknown }[]
        readonly labels: Readonly<Record<string, string>>
      }[]
    | undefined
}

/** A problem's place below `versions` or `labels`, and what is wrong there. */
export interface AskingProblem {
  readonly path: readonly (string | number)[]
  readonly reason: string
}

/** Checks one of the two settings; what it means is what its reader gives. */
export function askingProblems(
  name: 'versions' | 'labels',
  value: unknown,
): readonly AskingProblem[] {
  const input: Input = { value, pointer: '', problems: [] }
  if (name === 'versions') readVersionSources(input)
  else readLabelSources(input)
  return input.problems.map(({ pointer = '', message }) => ({
    path: pointer.split('/').slice(1),
    reason: message.replace(/^The definition is not valid: /, ''),
  }))
}

/** The settings of an instance, that were checked before. */
export function askingOf(given: {
  readonly versions?: VersionOptions | undefined
  readonly labels?: LabelOptions | undefined
}): AskingSettings {
  const inputOf = (value: unknown): Input => ({ value: value ?? {}, pointer: '', problems: [] })
  return {
    versions: readVersionSources(inputOf(given.versions)),
    labels: readLabelSources(inputOf(given.labels)),
  }
}
