import type {
  PlanAnswer,
  PublishAnswer,
  RevisionRow,
  RolloutItem,
  TableDiff,
  UpstreamStatus,
  VersionItem,
} from '../../admin/answers.ts'
import type { Probed } from '../../turnout-probe.ts'
import type { DrillReport, StepReport } from '../drill/report.ts'
import type { InstanceRouteView } from './routes.ts'

/** What the commands that ask a running instance write with `--json`. */
export type InstanceEvent =
  | ({ readonly event: 'route' } & InstanceRouteView)
  | ({ readonly event: 'probe'; readonly request: string; readonly served: string | null } & Probed)
  | ({ readonly event: 'plan' } & PlanAnswer)
  | ({ readonly event: 'published' } & PublishAnswer)
  /** `restores`: the revision whose table it is. */
  | ({ readonly event: 'rolled-back'; readonly restores: number } & PublishAnswer)
  | ({ readonly event: 'revision' } & RevisionRow)
  | ({ readonly event: 'diff'; readonly from: number; readonly to: number } & TableDiff)
  | { readonly event: 'confirmed'; readonly revision: number }
  | {
      readonly event: 'switched'
      readonly routes: readonly string[]
      readonly enabled: boolean
      readonly revision: number
      readonly isChanged: boolean
    }
  /** The fault of a step stands in front of its routes. */
  | {
      readonly event: 'drill-step'
      readonly name: string
      readonly routes: readonly string[]
      readonly revision: number
    }
  | ({ readonly event: 'drill-step-ended' } & StepReport)
  | ({ readonly event: 'drill' } & DrillReport)
  | ({ readonly event: 'version' } & VersionItem)
  | ({ readonly event: 'rollout' } & RolloutItem)
  /** Nobody looks any more, and it goes on. */
  | { readonly event: 'rollout-left'; readonly id: string }
  | ({ readonly event: 'upstream' } & UpstreamStatus)
  | { readonly event: 'status'; readonly url: string; readonly [fact: string]: unknown }
