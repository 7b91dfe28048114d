import { TurnoutError, type Problem, problem } from './core/errors.ts'
import { parseBlock } from './core/address.ts'
import { parseCondition } from './core/rollout/condition.ts'
import { limitNames, limitTable, type Limits } from './core/http/limits.ts'
import { overloadMost } from './core/protect/overload.ts'
import { isResourceSetting, resourceSettingNames } from './core/protect/resources.ts'
import { suggest } from './core/suggest.ts'
import { askingProblems } from './core/version/asking-parse.ts'
import { isAccessLog } from './core/access-log-settings.ts'
import { isTracing } from './core/tracing-settings.ts'
import { moduleProblems } from './modules/isolated/module-settings.ts'

/** What an option may be; the words are for the reader of the problem. */
const kinds = {
  ms: ['a number of milliseconds, 0 or more', isCount],
  count: ['a whole number, 1 or more', (value: unknown) => isCount(value) && Number(value) >= 1],
  bytes: ['a number of bytes, 0 or more', isCount],
  switch: ['true or false', (value: unknown) => typeof value === 'boolean'],
  logger: [
    'true, false, or an object with debug, info, warn and error',
    (value: unknown) => typeof value === 'boolean' || isLogger(value),
  ],
  object: ['an object', (value: unknown) => typeof value === 'object' && value !== null],
  limits: [
    `an object with whole numbers in their range, of ${limitNames.join(', ')}`,
    (value: unknown) =>
      typeof value === 'object' && value !== null && Object.entries(value).every(isLimit),
  ],
  proxies: [
    'a list of addresses and blocks like 10.0.0.0/8',
    (value: unknown) =>
      Array.isArray(value) &&
      value.every((text) => typeof text === 'string' && parseBlock(text) !== null),
  ],
  probation: [
    'true, false, or { durationMs, minimumSamples, conditions }',
    (value: unknown) => typeof value === 'boolean' || isProbation(value),
  ],
  overload: [
    `false, or { concurrency, waiting, waitMs, critical }: 'adaptive' or 1 to ${overloadMost.concurrency}, 0 to ${overloadMost.waiting}, 0 to ${overloadMost.waitMs}, up to ${overloadMost.critical} paths`,
    isOverload,
  ],
  texts: [
    'a list of up to 100 texts',
    (value: unknown) =>
      Array.isArray(value) &&
      value.length <= 100 &&
      value.every((text) => typeof text === 'string' && text !== ''),
  ],
  accessLog: ['true, false, or { sample: 0 to 1, slowMs, client }', isAccessLog],
  tracing: ['true, false, or { sample: 0 to 1, export, setup }', isTracing],
  resources: [
    `false, or an object with numbers in their range, of ${resourceSettingNames.join(', ')}`,
    isResources,
  ],
  text: ['a text', (value: unknown) => typeof value === 'string' && value !== ''],
} as const

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isLimit([name, value]: [string, unknown]): boolean {
  if (!Object.hasOwn(limitTable, name)) return false
  const { least, most } = limitTable[name as keyof Limits]
  return value === undefined || (isCount(value) && Number(value) >= least && Number(value) <= most)
}

function isProbation(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).every(([name, one]) => {
    if (one === undefined) return true
    if (name === 'durationMs' || name === 'minimumSamples') return isCount(one) && Number(one) > 0
    return name === 'conditions' && Array.isArray(one) && one.every(isCondition)
  })
}

function isOverload(value: unknown): boolean {
  if (value === false) return true
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).every(([name, one]: [string, unknown]) => {
    if (one === undefined) return true
    if (name === 'concurrency' && one === 'adaptive') return true
    if (name === 'critical') {
      const isList = Array.isArray(one) && one.length <= overloadMost.critical
      return isList && one.every((path) => typeof path === 'string' && path.startsWith('/'))
    }
    if (name !== 'concurrency' && name !== 'waiting' && name !== 'waitMs') return false
    const least = name === 'concurrency' ? 1 : 0
    return isCount(one) && Number(one) >= least && Number(one) <= overloadMost[name]
  })
}

function isResources(value: unknown): boolean {
  if (value === false) return true
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).every(
    ([name, one]) => one === undefined || isResourceSetting(name, one),
  )
}

const isCondition = (text: unknown): boolean =>
  typeof text === 'string' && parseCondition(text).condition !== null

function isLogger(value: unknown): boolean {
  const logger = value as Record<string, unknown> | null
  return (
    typeof logger === 'object' &&
    logger !== null &&
    ['debug', 'info', 'warn', 'error'].every((level) => typeof logger[level] === 'function')
  )
}

const options: Readonly<Record<string, keyof typeof kinds | readonly string[]>> = {
  trailingSlash: ['strict', 'redirect', 'ignore'],
  encodedSlash: ['reject', 'keep'],
  conflicts: ['exact', 'ambiguous', 'prefix', 'prefix-within'],
  logger: 'logger',
  logLevel: ['debug', 'info', 'warn', 'error'],
  redact: 'texts',
  accessLog: 'accessLog',
  tracing: 'tracing',
  recovery: 'switch',
  bodyLimit: 'bytes',
  limits: 'limits',
  overload: 'overload',
  resources: 'resources',
  trustedProxies: 'proxies',
  lane: ['fast', 'safe'],
  underscores: ['drop', 'refuse', 'keep'],
  versionOrder: ['free', 'reasoned'],
  probation: 'probation',
  versions: 'object',
  labels: 'object',
  loadTimeoutMs: 'ms',
  drainMs: 'ms',
  streamDrainMs: 'ms',
  maxLiveVersions: 'count',
  keepRevisions: 'count',
  figures: 'switch',
  metrics: 'switch',
  containment: 'switch',
  services: 'object',
  modules: 'object',
  configFile: 'text',
}

/** Options that only a config has, and `serve` passes on with the rest. */
const ofConfig = [
  'host',
  'port',
  'tls',
  'admin',
  'health',
  'settleMs',
  'sources',
  'workers',
  'workerMemoryMb',
  'stopDelayMs',
]

/** @throws TurnoutError TURNOUT_OPTION_INVALID with every option that is unknown, or is not what it must be */
export function checkOptions(given: object, isDurable: boolean): void {
  const problems: Problem[] = []
  const refuse = (option: string, reason: string): void => {
    problems.push(problem('TURNOUT_OPTION_INVALID', { option, reason }))
  }
  const known = [...Object.keys(options), ...(isDurable ? ['data'] : [])]
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || ofConfig.includes(name)) continue
    if (name === 'data' && isDurable) continue
    const kind = options[name]
    if (kind === undefined) {
      const meant = suggest(name, known)
      refuse(name, meant === undefined ? 'there is no such option' : `did you mean ${meant}?`)
    } else if (name === 'versions' || name === 'labels') {
      for (const { path, reason } of askingProblems(name, value))
        refuse([name, ...path].join('.'), reason)
    } else if (name === 'modules') {
      for (const { path, reason } of moduleProblems(value))
        refuse([name, ...path].join('.'), reason)
    } else if (typeof kind === 'string') {
      const [expected, isRight] = kinds[kind]
      if (!isRight(value)) refuse(name, `expected ${expected}`)
    } else if (!kind.includes(value as string)) refuse(name, `expected ${kind.join(', ')}`)
  }
  if (isDurable && !kinds.text[1]((given as { readonly data?: unknown }).data))
    refuse('data', 'expected the data folder')
  const [first] = problems
  if (first !== undefined) throw TurnoutError.of(first, problems)
}
