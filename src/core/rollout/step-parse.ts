import type { Json } from '../json.ts'
import { readDuration } from '../route/duration.ts'
import {
  fieldOf,
  hasField,
  isPlainObject,
  readBoolean,
  readInteger,
  readList,
  readNumber,
  readObject,
  readOneOf,
  readText,
  refuse,
  refuseKind,
  shown,
  type Input,
} from '../route/input.ts'
import { readPredicate, renderPredicate } from '../route/predicate-parse.ts'
import { maxPredicates } from '../route/selection-parse.ts'
import { analysisKeys, readAnalysis, renderAnalysis } from './analysis-parse.ts'
import { defaultCount, defaultVerify } from './default-plan.ts'
import { renderDuration } from './render-duration.ts'
import type { AnalysisSettings, Step } from './plan.ts'

const dayMs = 86_400_000
const longestPauseMs = 30 * dayMs
const longestWatchMs = 7 * dayMs
const maxCount = 1000

type Kind = Step['kind']
const kinds: readonly Kind[] = ['verify', 'weight', 'cohort', 'pause', 'analysis', 'watch']
/** Those that need nothing to be said. */
const bareKinds: readonly Kind[] = ['verify', 'pause', 'analysis']
const verifyKeys = [
  'percent',
  'samples',
  'maxDifferentPercent',
  'allMethods',
  'headers',
  'ignore',
  'timeout',
  'onTimeout',
]

/**
 * Reads a step: an object of one key, `{ weight: 5 }`, or in short `weight 5`, `pause 5m`, `pause`, `verify`.
 *
 * @param analysis What an analysis step that says nothing is like.
 */
export function readStep(input: Input, analysis: AnalysisSettings): Step | undefined {
  if (typeof input.value === 'string') return readShort(input, input.value, analysis)
  if (!isPlainObject(input.value))
    return refuseKind(input, 'a step', 'an object like { weight: 5 }')
  if (!readObject(input, 'a step', kinds)) return undefined
  const [kind, more] = kinds.filter((one) => Object.hasOwn(input.value as object, one))
  if (kind === undefined || more !== undefined)
    return refuse(input, `a step has one key of ${kinds.join(', ')}`)
  return readKind(kind, fieldOf(input, kind), analysis)
}

function readShort(input: Input, text: string, analysis: AnalysisSettings): Step | undefined {
  const [, word = '', rest = ''] = /^\s*(\S+)\s*(.*?)\s*$/s.exec(text) ?? []
  const kind = kinds.find((one) => one === word)
  if (kind === undefined)
    return refuse(input, `${shown(word)} is no step; known: ${kinds.join(', ')}`)
  if (rest === '' && !bareKinds.includes(kind))
    return refuse(input, `${kind} says no more: write it like weight 5 or watch 10m`)
  if (rest !== '' && (kind === 'verify' || kind === 'cohort'))
    return refuse(input, `${kind} is written as an object, { ${kind}: { ... } }`)
  const value = rest === '' ? null : /^\d+$/.test(rest) ? Number(rest) : rest
  return readKind(kind, { ...input, value }, analysis)
}

function readKind(kind: Kind, field: Input, analysis: AnalysisSettings): Step | undefined {
  switch (kind) {
    case 'verify':
      return readVerify(field)
    case 'weight': {
      const weight = readInteger(field, 'the weight of a step', 1, 100)
      return weight === undefined ? undefined : { kind, weight }
    }
    case 'cohort':
      return readCohort(field)
    case 'pause':
      return readPause(field)
    case 'analysis':
      return readAnalysisStep(field, analysis)
    case 'watch': {
      const ms = readDuration(field, 'a watch', 1000, longestWatchMs)
      return ms === undefined ? undefined : { kind, ms }
    }
    default:
      return kind satisfies never
  }
}

/** Nothing said: null, or `{}`. */
const isNothing = ({ value }: Input): boolean =>
  value === null || (isPlainObject(value) && Object.keys(value).length === 0)

function readPause(field: Input): Step | undefined {
  if (isNothing(field)) return { kind: 'pause', ms: null }
  const ms = readDuration(field, 'a pause', 1000, longestPauseMs)
  return ms === undefined ? undefined : { kind: 'pause', ms }
}

function readAnalysisStep(field: Input, analysis: AnalysisSettings): Step | undefined {
  if (isNothing(field)) return { kind: 'analysis', count: defaultCount, ...analysis }
  const readCount = (place: Input): number | undefined =>
    readInteger(place, 'the count of an analysis', 1, maxCount)
  if (typeof field.value === 'number') {
    const count = readCount(field)
    return count === undefined ? undefined : { kind: 'analysis', count, ...analysis }
  }
  const settings = readAnalysis(field, analysis, ['count'])
  const count = hasField(field, 'count') ? readCount(fieldOf(field, 'count')) : defaultCount
  if (settings === undefined || count === undefined) return undefined
  return { kind: 'analysis', count, ...settings }
}

function readCohort(field: Input): Step | undefined {
  if (!readObject(field, 'a cohort', ['predicates', 'weight'])) return undefined
  const predicates = readList(
    fieldOf(field, 'predicates'),
    'predicates of a cohort',
    1,
    maxPredicates,
  )?.map(readPredicate)
  const weight = readInteger(fieldOf(field, 'weight'), 'the weight of a cohort', 1, 100)
  if (weight === undefined || !predicates?.every((one) => one !== undefined)) return undefined
  return { kind: 'cohort', predicates, weight }
}

function readVerify(field: Input): Step | undefined {
  const defaults = defaultVerify()
  if (isNothing(field)) return { ...defaults, onTimeout: 'pause' }
  const before = field.problems.length
  if (!readObject(field, 'a verify step', verifyKeys)) return undefined
  const given = <Value>(
    key: string,
    otherwise: Value,
    read: (place: Input) => Value | undefined,
  ): Value => (hasField(field, key) ? (read(fieldOf(field, key)) ?? otherwise) : otherwise)
  const step: Step = {
    kind: 'verify',
    percent: given('percent', defaults.percent, (place) => {
      const percent = readNumber(place, 'percent', 0, 100)
      return percent === 0 ? refuse(place, 'percent is above 0') : percent
    }),
    samples: given('samples', defaults.samples, (place) =>
      readInteger(place, 'samples', 1, 100_000),
    ),
    maxDifferentPercent: given('maxDifferentPercent', defaults.maxDifferentPercent, (place) =>
      readNumber(place, 'maxDifferentPercent', 0, 100),
    ),
    allMethods: given('allMethods', defaults.allMethods, (place) =>
      readBoolean(place, 'allMethods'),
    ),
    headers: given('headers', defaults.headers, readHeaders),
    ignore: given('ignore', defaults.ignore, readPointers),
    timeoutMs: given('timeout', defaults.timeoutMs, (place) =>
      readDuration(place, 'the timeout of a verify step', 1000, dayMs),
    ),
    onTimeout: given('onTimeout', 'pause', (place) =>
      readOneOf(place, 'onTimeout', ['pause', 'continue']),
    ),
  }
  return field.problems.length > before ? undefined : step
}

function readHeaders(input: Input): readonly string[] | undefined {
  return readList(input, 'headers', 0, 64)?.flatMap((item) => {
    const name = readText(item, 'the name of a header', 1, 128)
    if (name !== undefined && !/^[\w!#$%&'*+.^`|~-]+$/.test(name))
      return refuse(item, `${shown(name)} is no name of a header`) ?? []
    return name?.toLowerCase() ?? []
  })
}

function readPointers(input: Input): readonly string[] | undefined {
  return readList(input, 'ignore', 0, 256)?.flatMap((item) => {
    const pointer = readText(item, 'a JSON pointer', 1, 512)
    if (pointer !== undefined && !/^(?:\/(?:[^~/]|~[01])*)+$/.test(pointer))
      return refuse(item, `${shown(pointer)} is no JSON pointer like /items/*/at`) ?? []
    return pointer ?? []
  })
}

/** The step as an author would write it. */
export function renderStep(step: Step, analysis: AnalysisSettings): Json {
  switch (step.kind) {
    case 'verify': {
      const { kind: _, timeoutMs, onTimeout, ...rest } = step
      return { verify: { ...rest, timeout: renderDuration(timeoutMs), onTimeout } }
    }
    case 'weight':
      return { weight: step.weight }
    case 'cohort':
      return {
        cohort: { predicates: step.predicates.map(renderPredicate), weight: step.weight },
      }
    case 'pause':
      return { pause: step.ms === null ? null : renderDuration(step.ms) }
    case 'analysis': {
      const [own, common] = [renderAnalysis(step), renderAnalysis(analysis)]
      const differing = analysisKeys.filter(
        (key) => JSON.stringify(own[key]) !== JSON.stringify(common[key]),
      )
      return {
        analysis: {
          count: step.count,
          ...Object.fromEntries(differing.map((key) => [key, own[key]!])),
        },
      }
    }
    case 'watch':
      return { watch: renderDuration(step.ms) }
    default:
      return step satisfies never
  }
}
