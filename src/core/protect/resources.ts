import type { ThresholdRule } from './threshold.ts'

/** What of a process is measured against a threshold. */
export const resourceNames = ['gcPause', 'openFiles', 'heap', 'loopDelay'] as const

export type ResourceName = (typeof resourceNames)[number]

/** When something that runs out is told; 0 turns one off. Times in ms. */
export interface ResourceSettings {
  /** Longest pause of a garbage collection in a second. */
  readonly gcPauseMs: number
  /** Share of the files that the process may have open. */
  readonly openFiles: number
  /** Share of the heap that V8 allows. */
  readonly heap: number
  /** How late the event loop comes around. */
  readonly loopDelayMs: number
  /** An exchange without an answer for so long is told. */
  readonly exchangeMs: number
  /** So is a waiting list that was never empty for so long. */
  readonly waitingMs: number
  /** How long after its dispose it is looked for what still holds a module version. */
  readonly leakGraceMs: number
  /** Major collections after which a version that is still there counts as leaked. */
  readonly leakCollections: number
}

/** The same as it is given: what is left out has its default. False: nothing is looked at. */
export type ResourceOptions =
  | false
  | { readonly [Name in keyof ResourceSettings]?: ResourceSettings[Name] | undefined }

export const defaultResources: ResourceSettings = {
  gcPauseMs: 250,
  openFiles: 0.8,
  heap: 0.85,
  loopDelayMs: 500,
  exchangeMs: 300_000,
  waitingMs: 60_000,
  leakGraceMs: 5_000,
  leakCollections: 3,
}

const dayMs = 86_400_000

/** Least and most that may be said. */
export const resourceRanges: {
  readonly [Name in keyof ResourceSettings]: readonly [number, number]
} = {
  gcPauseMs: [0, 60_000],
  openFiles: [0, 1],
  heap: [0, 1],
  loopDelayMs: [0, 60_000],
  exchangeMs: [0, dayMs],
  waitingMs: [0, dayMs],
  leakGraceMs: [100, 3_600_000],
  leakCollections: [1, 1_000],
}

export const resourceSettingNames = Object.keys(defaultResources) as (keyof ResourceSettings)[]

/** Whether a value may be said; shares have fractions, the rest has none. */
export function isResourceSetting(name: string, value: unknown): boolean {
  if (!Object.hasOwn(resourceRanges, name) || typeof value !== 'number') return false
  const [least, most] = resourceRanges[name as keyof ResourceSettings]
  return value >= least && value <= most && (most === 1 || Number.isSafeInteger(value))
}

/** Null: nothing is looked at. */
export function resourcesOf(given: ResourceOptions = {}): ResourceSettings | null {
  if (given === false) return null
  const said = Object.entries(given).filter(([, value]) => value !== undefined)
  return { ...defaultResources, ...(Object.fromEntries(said) as Partial<ResourceSettings>) }
}

/** Once a second there is a measurement. Pauses are rare, so two in a minute are a crossing; the rest must last. */
const counts: Readonly<Record<ResourceName, Omit<ThresholdRule, 'threshold'>>> = {
  gcPause: { atLeast: 2, of: 60 },
  openFiles: { atLeast: 3, of: 5 },
  heap: { atLeast: 3, of: 5 },
  loopDelay: { atLeast: 3, of: 5 },
}

/** Null: it is turned off. */
export function ruleOf(settings: ResourceSettings, name: ResourceName): ThresholdRule | null {
  const { gcPauseMs: gcPause, openFiles, heap, loopDelayMs: loopDelay } = settings
  const threshold = { gcPause, openFiles, heap, loopDelay }[name]
  return threshold === 0 ? null : { threshold, ...counts[name] }
}

/** What crossed its threshold, or came back. */
export type ResourceEvent =
  | {
      readonly resource: ResourceName
      readonly level: 'over' | 'under'
      /** Milliseconds, or a share. */
      readonly value: number
      readonly threshold: number
      /** Place of the worker process; null: the process that decides. */
      readonly worker: number | null
    }
  | {
      readonly resource: 'exchange'
      readonly level: 'over'
      /** Its age in ms. */
      readonly value: number
      readonly threshold: number
      readonly worker: number | null
      readonly route: string
      readonly method: string
      readonly upstream: string | null
    }
  | {
      readonly resource: 'connection'
      readonly level: 'over'
      /** For how long it is held, in ms. */
      readonly value: number
      readonly threshold: number
      readonly worker: number | null
      readonly upstream: string
      /** What holds it: method and path. */
      readonly label: string
    }
  | {
      readonly resource: 'waiting'
      readonly level: 'over' | 'under'
      /** For how long it was never empty, in ms. */
      readonly value: number
      readonly threshold: number
      readonly worker: number | null
      /** Null: requests that wait for a place in the worker. */
      readonly upstream: string | null
    }

/** Why nothing should be sent here: what all workers are short of. A heap that is full sheds, and a pause is over. */
export function shortages(workers: readonly (readonly ResourceName[])[]): readonly string[] {
  const all = (name: ResourceName): boolean =>
    workers.length > 0 && workers.every((over) => over.includes(name))
  return [
    ...(all('openFiles') ? ['open files run out'] : []),
    ...(all('loopDelay') ? ['the event loop is late'] : []),
  ]
}
