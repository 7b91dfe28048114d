import type { ProbationVerdict } from '../control/rollout/probations.ts'
import type { WorkerEvent, WorkerStatus } from '../turnout-serving.ts'
import type { Problem } from '../core/errors.ts'
import type { Leak } from '../core/leak.ts'
import type { ResourceEvent } from '../core/protect/resources.ts'
import type { Json } from '../core/json.ts'
import type { Explanation } from '../core/router/explain.ts'
import type { Offence } from '../worker/containment/offence.ts'
import { cureOf } from './cure.ts'
import type { InstanceEvent } from './instance/events.ts'
import type { ChangeView, ReadyView, RejectionView, RetirementView, RouteView } from './view.ts'

/** A problem as `--json` shows it: with what to do. */
export interface ProblemView extends Problem {
  readonly cure?: string
}

/** What `--json` writes: one object a line, told apart by `event`. Shapes: docs/reference/cli-json.md. */
export type CliEvent =
  | ({ readonly event: 'ready' } & ReadyView)
  /** Once, when it was made. */
  | { readonly event: 'token'; readonly file: string; readonly token: string }
  | ({ readonly event: 'route' } & RouteView)
  | ({ readonly event: 'applied' } & ChangeView)
  | ({ readonly event: 'rejected' } & RejectionView)
  | ({ readonly event: 'retired' } & RetirementView)
  | ({ readonly event: 'probation' } & ProbationVerdict)
  | ({ readonly event: 'worker' } & WorkerEvent)
  | { readonly event: 'restarted'; readonly workers: readonly WorkerStatus[] }
  | ({ readonly event: 'offence' } & Offence)
  | ({ readonly event: 'resource' } & ResourceEvent)
  | ({ readonly event: 'leak' } & Leak)
  | ({ readonly event: 'problem' | 'warning' } & Problem)
  | { readonly event: 'checked'; readonly modules: number; readonly routes: number }
  | ({
      readonly event: 'probe'
      readonly request: string
      /** Module and version of the match. */
      readonly served: string | null
    } & Explanation)
  /** What an import came to: the table, or the file that it was written to. */
  | {
      readonly event: 'imported'
      readonly routes: number
      readonly switchedOff: number
      readonly upstreams: number
      readonly left: number
      readonly table?: { readonly routes: readonly Json[]; readonly upstreams: readonly Json[] }
      readonly file?: string
    }
  | { readonly event: 'created'; readonly file: string }
  | { readonly event: 'kept'; readonly file: string }
  | InstanceEvent

const withCure = (problem: Problem): ProblemView => {
  const cure = cureOf(problem.code)
  return { ...problem, ...(cure === undefined ? {} : { cure }) }
}

/** One event as one line of JSON. */
export function printEvent(event: CliEvent): string {
  if (event.event === 'rejected')
    return `${JSON.stringify({ ...event, problems: event.problems.map(withCure) })}\n`
  if (event.event === 'problem' || event.event === 'warning') {
    const { event: name, ...problem } = event
    return `${JSON.stringify({ event: name, ...withCure(problem) })}\n`
  }
  return `${JSON.stringify(event)}\n`
}
