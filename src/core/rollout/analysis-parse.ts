import type { Json } from '../json.ts'
import { readDuration } from '../route/duration.ts'
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
import { maxConditionLength, parseCondition } from './condition.ts'
import { renderDuration } from './render-duration.ts'
import type { AnalysisSettings, Condition } from './plan.ts'
import { longestSpanMs } from './recorder.ts'

const maxConditions = 16
const dayMs = 86_400_000

export const analysisKeys: readonly string[] = [
  'conditions',
  'minimumSamples',
  'window',
  'interval',
  'failureLimit',
  'consecutiveErrorLimit',
]

/** Reads settings of an analysis; those that are left away are as in `defaults`. `more`: keys that others read. */
export function readAnalysis(
  input: Input,
  defaults: AnalysisSettings,
  more: readonly string[] = [],
): AnalysisSettings | undefined {
  const before = input.problems.length
  if (!readObject(input, 'an analysis', [...more, ...analysisKeys])) return undefined
  const given = <Value>(
    key: string,
    otherwise: Value,
    read: (field: Input) => Value | undefined,
  ): Value => (hasField(input, key) ? (read(fieldOf(input, key)) ?? otherwise) : otherwise)
  const settings = {
    conditions: given('conditions', defaults.conditions, readConditions),
    minimumSamples: given('minimumSamples', defaults.minimumSamples, (field) =>
      readInteger(field, 'minimumSamples', 1, 1_000_000),
    ),
    windowMs: given('window', defaults.windowMs, (field) =>
      readDuration(field, 'the window of an analysis', 1000, longestSpanMs),
    ),
    intervalMs: given('interval', defaults.intervalMs, (field) =>
      readDuration(field, 'the interval of an analysis', 1000, dayMs),
    ),
    failureLimit: given('failureLimit', defaults.failureLimit, (field) =>
      readInteger(field, 'failureLimit', 0, 1000),
    ),
    consecutiveErrorLimit: given('consecutiveErrorLimit', defaults.consecutiveErrorLimit, (field) =>
      readInteger(field, 'consecutiveErrorLimit', 0, 1000),
    ),
  }
  return input.problems.length > before ? undefined : settings
}

export function readConditions(input: Input): readonly Condition[] | undefined {
  const read = readList(input, 'conditions', 1, maxConditions)?.map(readCondition)
  return read?.every((one) => one !== undefined) ? read : undefined
}

function readCondition(input: Input): Condition | undefined {
  const text = readText(input, 'a condition', 1, maxConditionLength)
  if (text === undefined) return undefined
  const { condition, problems } = parseCondition(text)
  for (const { at, reason } of problems) refuse(input, `character ${at}: ${reason}`)
  return condition ?? undefined
}

export function renderAnalysis(settings: AnalysisSettings): { readonly [key: string]: Json } {
  return {
    conditions: settings.conditions.map(({ text }) => text),
    minimumSamples: settings.minimumSamples,
    window: renderDuration(settings.windowMs),
    interval: renderDuration(settings.intervalMs),
    failureLimit: settings.failureLimit,
    consecutiveErrorLimit: settings.consecutiveErrorLimit,
  }
}
