import { TurnoutError } from '../../../src/core/errors.ts'
import {
  abortRollout,
  pauseRollout,
  promoteRollout,
  resumeRollout,
  type Moved,
} from '../../../src/core/rollout/move.ts'
import type { Plan, Step } from '../../../src/core/rollout/plan.ts'
import { isOver, type Rollout } from '../../../src/core/rollout/rollout.ts'
import type { Who } from '../../../src/control/control.ts'
import type {
  FiguresSummary,
  RolloutMeasurement,
  Rollouts,
  RolloutStart,
  RolloutView,
  VersionRow,
} from '../../../src/control/rollouts.ts'

export const nothingSeen: FiguresSummary = {
  requests: 0,
  errors: 0,
  errorRate: null,
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
}

const analysis = {
  conditions: [],
  minimumSamples: 50,
  windowMs: 60_000,
  intervalMs: 1_000,
  failureLimit: 0,
  consecutiveErrorLimit: 4,
}
const steps: readonly Step[] = [
  { kind: 'weight', weight: 5 },
  { kind: 'pause', ms: null },
  { kind: 'watch', ms: 600_000 },
]
export const fakePlan: Plan = { steps, analysis }

/** What the tests do with a rollout that an instance would do by itself. */
export interface FakeRollouts extends Rollouts {
  /** Changes what is seen of one, and tells who listens. */
  set(id: string, part: Partial<RolloutView> & { readonly to?: Partial<Rollout> }): RolloutView
  add(id: string, measurement: RolloutMeasurement): void
  readonly calls: readonly (readonly [verb: string, id: string, who: Who])[]
  readonly started: readonly { readonly what: RolloutStart; readonly plan: Plan | null }[]
}

export interface FakeOptions {
  /** Versions in service, by id of what is rolled out: what is not there has nothing to roll out from. */
  readonly serving?: Readonly<Record<string, string>>
  readonly versions?: readonly VersionRow[]
  readonly onChange?: (view: RolloutView) => void
  readonly now?: () => number
}

/** Rollouts in memory with the states and the refusals of real ones; nothing moves by itself. */
export function createFakeRollouts({
  serving = {},
  versions = [],
  onChange = () => undefined,
  now = Date.now,
}: FakeOptions = {}): FakeRollouts {
  const views = new Map<string, RolloutView>()
  const measurements = new Map<string, readonly RolloutMeasurement[]>()
  const calls: (readonly [string, string, Who])[] = []
  const started: { readonly what: RolloutStart; readonly plan: Plan | null }[] = []
  let revision = 1

  const keep = (view: RolloutView): RolloutView => {
    views.set(view.rollout.id, view)
    onChange(view)
    return view
  }
  const demand = (id: string): RolloutView => {
    const view = views.get(id)
    if (view === undefined) throw new TurnoutError('TURNOUT_ROLLOUT_UNKNOWN', { id })
    return view
  }
  const set: FakeRollouts['set'] = (id, { to = {}, ...part }) => {
    const view = demand(id)
    return keep({ ...view, ...part, rollout: { ...view.rollout, ...to } })
  }
  const move =
    (verb: string, moved: (rollout: Rollout, reason: string) => Moved) =>
    async (id: string, who: Who): Promise<RolloutView> => {
      calls.push([verb, id, who])
      const { rollout } = demand(id)
      const result = moved(rollout, who.reason)
      if (!result.ok) throw TurnoutError.of(result.problem)
      revision += 1
      return set(id, { to: { ...result.rollout, revision, author: who.author } })
    }

  return {
    calls,
    started,
    set,
    add: (id, measurement) =>
      void measurements.set(id, [measurement, ...(measurements.get(id) ?? [])]),
    list: () =>
      [...views.values()].sort(
        ({ rollout: left }, { rollout: right }) =>
          Number(isOver(left)) - Number(isOver(right)) || right.startedAt - left.startedAt,
      ),
    find: (id) => views.get(id) ?? null,
    measurements: (id) => {
      demand(id)
      return measurements.get(id) ?? []
    },
    start: async (what, plan, who) => {
      const { id, subject, canary, owner } = subjectOf(what, revision + 1)
      const there = views.get(id)
      if (there !== undefined && !isOver(there.rollout))
        throw new TurnoutError('TURNOUT_ROLLOUT_RUNNING', { id })
      const stable = serving[id]
      if (stable === undefined || stable === canary) {
        const reason = stable === undefined ? 'nothing serves' : `${canary} is in service`
        throw new TurnoutError('TURNOUT_ROLLOUT_SUBJECT', { subject: id, reason })
      }
      revision += 1
      started.push({ what, plan })
      const at = now()
      const rollout: Rollout = {
        id,
        subject,
        owner,
        stable,
        canary,
        plan: plan ?? fakePlan,
        status: 'running',
        step: 0,
        stepSince: at,
        weight: 0,
        cohort: null,
        startedAt: at,
        endedAt: null,
        author: who.author,
        reason: who.reason,
        revision,
      }
      return keep({
        rollout,
        stable: nothingSeen,
        canary: nothingSeen,
        judgements: [],
        verify: null,
      })
    },
    pause: move('pause', pauseRollout),
    resume: move('resume', (rollout, reason) => resumeRollout(rollout, now(), reason)),
    promote: move('promote', (rollout, reason) => promoteRollout(rollout, now(), reason)),
    abort: move('abort', (rollout, reason) => abortRollout(rollout, now(), reason)),
    versions: () => Promise.resolve(versions),
  }
}

function subjectOf(
  what: RolloutStart,
  revision: number,
): Pick<Rollout, 'id' | 'subject' | 'canary' | 'owner'> {
  const canary = `revision ${revision}`
  switch (what.kind) {
    case 'module': {
      const { module, version } = what
      const subject = { kind: 'module', module } as const
      return { id: module, subject, canary: version, owner: `files:${module}` }
    }
    case 'loaded': {
      const { name, version, owner } = what.loaded.reference
      return { id: name, subject: { kind: 'module', module: name }, canary: version, owner }
    }
    case 'route': {
      const { id, owner } = what.route
      return { id, subject: { kind: 'route', route: id }, canary, owner }
    }
    case 'upstream': {
      const { name, owner } = what.upstream
      return { id: name, subject: { kind: 'upstream', upstream: name }, canary, owner }
    }
    default:
      return what satisfies never
  }
}
