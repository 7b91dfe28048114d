import type { Problem } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import { readSettings, settingKeys } from '../../core/route/settings-parse.ts'
import { isolationProblem, type Isolation } from './isolation.ts'

/** What a config says of a module by name. */
export interface ModuleSettings extends Isolation {
  /** Of the upstream that its process is: breaker, bulkhead, timeouts and the rest. */
  readonly upstream?: { readonly [key: string]: Json } | undefined
}

export interface SettingProblem {
  readonly path: readonly string[]
  readonly reason: string
}

const keys: readonly string[] = ['isolation', 'memoryMb', 'upstream']
/** Its process is the one endpoint, and nobody else names it. */
const ofOthers: readonly string[] = ['discovery', 'tls', 'affinity', 'slowStart', 'balancer']

/** Everything that is wrong with what is said of modules. */
export function moduleProblems(value: unknown): readonly SettingProblem[] {
  if (!isObject(value)) return [{ path: [], reason: 'expected an object' }]
  return Object.entries(value).flatMap(([name, said]) =>
    said === undefined ? [] : problemsOf(name, said),
  )
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function problemsOf(name: string, said: unknown): readonly SettingProblem[] {
  if (!isObject(said)) return [{ path: [name], reason: 'expected an object' }]
  const unknown = Object.keys(said).filter((key) => !keys.includes(key))
  const found = isolationProblem(said)
  return [
    ...unknown.map((key) => ({ path: [name, key], reason: 'there is no such setting' })),
    ...(found === null ? [] : [{ path: [name, found.name], reason: `expected ${found.expected}` }]),
    ...(said['upstream'] === undefined
      ? []
      : upstreamProblems([name, 'upstream'], said['upstream'])),
  ]
}

function upstreamProblems(path: readonly string[], said: unknown): readonly SettingProblem[] {
  if (!isObject(said)) return [{ path, reason: 'expected an object' }]
  const isKnown = (key: string): boolean => settingKeys.includes(key) && !ofOthers.includes(key)
  const unknown = Object.keys(said).filter((key) => !isKnown(key))
  const problems: Problem[] = []
  readSettings({ value: said, pointer: '', problems })
  return [
    ...unknown.map((key) => ({ path: [...path, key], reason: 'there is no such setting' })),
    ...problems.map(({ pointer = '', message }) => ({
      path: [...path, ...pointer.split('/').slice(1)],
      reason: message,
    })),
  ]
}
