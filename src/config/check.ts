import type { core } from 'zod'
import { type Problem, problem } from '../core/errors.ts'
import { suggest } from '../core/suggest.ts'
import { type ResolvedConfig, configSchema, serviceKeys, settingNames } from './schema.ts'
import { type Locate, placeAt } from './source.ts'

/** A config that obeys the schema, or everything that does not. */
export type CheckResult =
  | { readonly ok: true; readonly config: ResolvedConfig }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** What is checked and where it came from. */
export interface Unchecked {
  readonly file: string
  readonly text: string
  readonly kind: 'data' | 'code'
  readonly value: unknown
  readonly locate: Locate
}

type Path = readonly PropertyKey[]

const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype'])

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  [Object.prototype, null].includes(Object.getPrototypeOf(value))

/** Keys that would reach a prototype wherever settings are copied. Services are not copied. */
const findForbidden = (value: unknown, path: Path, seen: Set<unknown>): readonly Path[] => {
  if (seen.has(value)) return []
  seen.add(value)
  if (Array.isArray(value))
    return value.flatMap((item, index) => findForbidden(item, [...path, index], seen))
  if (!isPlain(value) || (path.length === 2 && path[0] === 'services')) return []
  return Object.keys(value).flatMap((key) =>
    forbiddenKeys.has(key) ? [[...path, key]] : findForbidden(value[key], [...path, key], seen),
  )
}

const didYouMean = (word: unknown, names: Iterable<string>): string => {
  const near = suggest(String(word), names)
  return near === undefined ? '' : `; did you mean \`${near}\`?`
}

const valueAt = (value: unknown, path: Path): unknown => {
  let found = value
  for (const key of path) found = (found as Record<PropertyKey, unknown> | undefined)?.[key]
  return found
}

type Issue = core.$ZodIssue

/** The alternative that the author most likely meant: the one whose own kind was right. */
const unwrapUnion = (issue: Issue): readonly Issue[] => {
  if (issue.code !== 'invalid_union') return [issue]
  const meant = issue.errors.find((issues) =>
    issues.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'),
  )
  if (meant !== undefined)
    return meant.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }))
  const kinds = issue.errors.flatMap((issues) =>
    issues.flatMap((inner) => (inner.code === 'invalid_type' ? [inner.expected] : [])),
  )
  return [{ ...issue, message: `expected ${kinds.join(' or ')}` }]
}

const reasonFor = (issue: Issue, input: unknown): string => {
  const value = valueAt(input, issue.path)
  if (issue.code === 'invalid_value') {
    const hint = typeof value === 'string' ? didYouMean(value, issue.values.map(String)) : ''
    return `expected one of ${issue.values.map((each) => `"${String(each)}"`).join(', ')}${hint}`
  }
  return issue.message.replace(/^Invalid input: /, '')
}

/** Checks a config that was read; every problem at once, each with its place where that is known. */
export function checkConfig({ file, text, kind, value, locate }: Unchecked): CheckResult {
  const at = (path: Path, part: 'key' | 'value'): Omit<Problem, 'code' | 'message'> => {
    const offset = locate(path, part)
    const pointer = path
      .map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`)
      .join('')
    return { pointer, ...(offset === undefined ? {} : { place: placeAt(file, text, offset) }) }
  }
  const dotted = (path: Path): string => path.map(String).join('.')
  const unknownKey = (path: Path, names: readonly string[]): Problem =>
    problem(
      'TURNOUT_CONFIG_KEY',
      { file, path: dotted(path), hint: didYouMean(path.at(-1), names) },
      at(path, 'key'),
    )

  if (!isPlain(value)) {
    const reason = 'expected an object of settings'
    return {
      ok: false,
      problems: [
        kind === 'code'
          ? problem('TURNOUT_CONFIG_EXPORT', { file, reason })
          : problem('TURNOUT_CONFIG_VALUE', { file, path: '(root)', reason }, at([], 'value')),
      ],
    }
  }
  const forbidden = findForbidden(value, [], new Set())
  if (forbidden.length > 0)
    return { ok: false, problems: forbidden.map((path) => unknownKey(path, [])) }

  const problems: Problem[] = []
  let input: Record<string, unknown> = value
  if (kind === 'data' && 'services' in value) {
    problems.push(problem('TURNOUT_CONFIG_SERVICES', { file }, at(['services'], 'key')))
    const { services: _, ...rest } = value
    input = rest
  }
  const result = configSchema.safeParse(input)
  if (result.success && problems.length === 0) return { ok: true, config: result.data }
  for (const issue of (result.error?.issues ?? []).flatMap(unwrapUnion)) {
    if (issue.code === 'unrecognized_keys') {
      const names =
        issue.path[0] === 'services' ? serviceKeys : (settingNames[dotted(issue.path)] ?? [])
      for (const key of issue.keys) problems.push(unknownKey([...issue.path, key], names))
      continue
    }
    const reason = reasonFor(issue, input)
    problems.push(
      problem(
        'TURNOUT_CONFIG_VALUE',
        { file, path: dotted(issue.path), reason },
        at(issue.path, 'value'),
      ),
    )
  }
  return { ok: false, problems }
}
