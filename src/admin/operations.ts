import type { Json } from '../core/json.ts'
import type {
  BreakerRequest,
  ChangeRequest,
  CreatedToken,
  Item,
  MeasurementItem,
  ModuleItem,
  Page,
  PlanAnswer,
  ProbeRequest,
  PublishAnswer,
  Readiness,
  RevisionAnswer,
  RevisionRow,
  RolloutItem,
  RolloutRequest,
  RouteItem,
  StatusAnswer,
  TableDiff,
  TokenItem,
  TokenRequest,
  UpstreamItem,
  UpstreamStatus,
  VersionItem,
  WorkerItem,
} from './answers.ts'
import type { ModuleUpload } from './upload.ts'

/** Every operation of the admin API: where it is. What it does stands in `resources.ts`. */
export const operations = {
  health: { method: 'GET', path: '/healthz' },
  readiness: { method: 'GET', path: '/readyz' },
  metrics: { method: 'GET', path: '/metrics' },
  describe: { method: 'GET', path: '/api/openapi.json' },
  status: { method: 'GET', path: '/api/status' },
  listUpstreamStatus: { method: 'GET', path: '/api/status/upstreams' },
  events: { method: 'GET', path: '/api/events' },
  probe: { method: 'POST', path: '/api/probe' },
  change: { method: 'POST', path: '/api/changes' },
  listRoutes: { method: 'GET', path: '/api/routes' },
  createRoute: { method: 'POST', path: '/api/routes' },
  getRoute: { method: 'GET', path: '/api/routes/{id}' },
  putRoute: { method: 'PUT', path: '/api/routes/{id}' },
  patchRoute: { method: 'PATCH', path: '/api/routes/{id}' },
  deleteRoute: { method: 'DELETE', path: '/api/routes/{id}' },
  listUpstreams: { method: 'GET', path: '/api/upstreams' },
  createUpstream: { method: 'POST', path: '/api/upstreams' },
  getUpstream: { method: 'GET', path: '/api/upstreams/{name}' },
  putUpstream: { method: 'PUT', path: '/api/upstreams/{name}' },
  patchUpstream: { method: 'PATCH', path: '/api/upstreams/{name}' },
  deleteUpstream: { method: 'DELETE', path: '/api/upstreams/{name}' },
  getUpstreamStatus: { method: 'GET', path: '/api/upstreams/{name}/status' },
  forceBreaker: { method: 'POST', path: '/api/upstreams/{name}/breaker' },
  listModules: { method: 'GET', path: '/api/modules' },
  uploadModule: { method: 'POST', path: '/api/modules' },
  getModule: { method: 'GET', path: '/api/modules/{name}' },
  deleteModule: { method: 'DELETE', path: '/api/modules/{name}' },
  listVersions: { method: 'GET', path: '/api/versions' },
  listRollouts: { method: 'GET', path: '/api/rollouts' },
  startRollout: { method: 'POST', path: '/api/rollouts' },
  getRollout: { method: 'GET', path: '/api/rollouts/{id}' },
  listMeasurements: { method: 'GET', path: '/api/rollouts/{id}/measurements' },
  pauseRollout: { method: 'POST', path: '/api/rollouts/{id}/pause' },
  resumeRollout: { method: 'POST', path: '/api/rollouts/{id}/resume' },
  promoteRollout: { method: 'POST', path: '/api/rollouts/{id}/promote' },
  abortRollout: { method: 'POST', path: '/api/rollouts/{id}/abort' },
  listWorkers: { method: 'GET', path: '/api/workers' },
  restartWorkers: { method: 'POST', path: '/api/workers/restart' },
  listOwners: { method: 'GET', path: '/api/owners' },
  listRevisions: { method: 'GET', path: '/api/revisions' },
  getRevision: { method: 'GET', path: '/api/revisions/{number}' },
  diffRevisions: { method: 'GET', path: '/api/revisions/{from}/diff/{to}' },
  rollBack: { method: 'POST', path: '/api/revisions/{number}/rollback' },
  confirm: { method: 'POST', path: '/api/revisions/{number}/confirm' },
  takeBack: { method: 'POST', path: '/api/revisions/{number}/take-back' },
  listTokens: { method: 'GET', path: '/api/tokens' },
  createToken: { method: 'POST', path: '/api/tokens' },
  getToken: { method: 'GET', path: '/api/tokens/{id}' },
  deleteToken: { method: 'DELETE', path: '/api/tokens/{id}' },
  listSpringRoutes: { method: 'GET', path: '/actuator/gateway/routes' },
  getSpringRoute: { method: 'GET', path: '/actuator/gateway/routes/{id}' },
  putSpringRoute: { method: 'POST', path: '/actuator/gateway/routes/{id}' },
  deleteSpringRoute: { method: 'DELETE', path: '/actuator/gateway/routes/{id}' },
  listSpringFilters: { method: 'GET', path: '/actuator/gateway/routes/{id}/combinedfilters' },
  listSpringDefinitions: { method: 'GET', path: '/actuator/gateway/routedefinitions' },
  listSpringGlobalFilters: { method: 'GET', path: '/actuator/gateway/globalfilters' },
  listSpringRouteFilters: { method: 'GET', path: '/actuator/gateway/routefilters' },
  listSpringPredicates: { method: 'GET', path: '/actuator/gateway/routepredicates' },
  refreshSpring: { method: 'POST', path: '/actuator/gateway/refresh' },
} as const

export type OperationName = keyof typeof operations

/** Whether an operation changes something: it is audited, limited in rate, and may carry an `Idempotency-Key`. */
export function isChange(name: OperationName): boolean {
  return operations[name].method !== 'GET' && name !== 'probe'
}

/** Names of the params of a path, `{id}`. */
type ParamOf<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParamOf<Rest>
  : never

export type ParamsOf<Name extends OperationName> = {
  readonly [Param in ParamOf<(typeof operations)[Name]['path']>]: string
}

interface PageQuery {
  /** Most items of the answer; 1 to 1000, by default 100. */
  readonly limit?: number | undefined
  /** `next` of the page before. */
  readonly after?: string | undefined
}

interface ReasonQuery {
  /** Kept in the history. */
  readonly reason?: string | undefined
}

/** What every change takes. */
interface ChangeQuery extends ReasonQuery {
  /** The change is taken back unless it is confirmed within so long: `30s`, `5m`, `1h`. */
  readonly confirmWithin?: string | undefined
  /** What is waited for; `applied` is the only value. */
  readonly wait?: 'applied' | undefined
}

/** What a change of an item that may be there takes. */
interface ItemChangeQuery extends ChangeQuery {
  /** Without looking at what somebody else may have changed meanwhile. */
  readonly force?: boolean | undefined
}

interface None {
  readonly [key: string]: never
}

interface Shape<Query, Body, Answer> {
  readonly query: Query
  readonly body: Body
  readonly answer: Answer
}

/** What an operation takes and answers. */
export interface OperationTypes {
  readonly health: Shape<None, null, { readonly ok: true }>
  readonly readiness: Shape<None, null, Readiness>
  /** Text of Prometheus. */
  readonly metrics: Shape<None, null, string>
  readonly describe: Shape<None, null, Item>
  readonly status: Shape<None, null, StatusAnswer>
  readonly listUpstreamStatus: Shape<PageQuery, null, Page<UpstreamStatus>>
  readonly events: Shape<None, null, null>
  readonly probe: Shape<None, ProbeRequest, Json>
  readonly change: Shape<
    ItemChangeQuery & { readonly dryRun?: boolean | undefined },
    ChangeRequest,
    PublishAnswer | PlanAnswer
  >
  readonly listRoutes: Shape<
    PageQuery & { readonly owner?: string | undefined },
    null,
    Page<RouteItem>
  >
  readonly createRoute: Shape<ChangeQuery, Item, RouteItem>
  readonly getRoute: Shape<None, null, RouteItem>
  readonly putRoute: Shape<ItemChangeQuery, Item, RouteItem>
  readonly patchRoute: Shape<ItemChangeQuery, Item, RouteItem>
  readonly deleteRoute: Shape<ItemChangeQuery, null, null>
  readonly listUpstreams: Shape<
    PageQuery & { readonly owner?: string | undefined },
    null,
    Page<UpstreamItem>
  >
  readonly createUpstream: Shape<ChangeQuery, Item, UpstreamItem>
  readonly getUpstream: Shape<None, null, UpstreamItem>
  readonly putUpstream: Shape<ItemChangeQuery, Item, UpstreamItem>
  readonly patchUpstream: Shape<ItemChangeQuery, Item, UpstreamItem>
  readonly deleteUpstream: Shape<ItemChangeQuery, null, null>
  readonly getUpstreamStatus: Shape<None, null, UpstreamStatus>
  readonly forceBreaker: Shape<None, BreakerRequest, UpstreamStatus>
  readonly listModules: Shape<PageQuery, null, Page<ModuleItem>>
  readonly uploadModule: Shape<
    ItemChangeQuery & {
      /** At weight 0 beside the version in service, which stays. */
      readonly beside?: boolean | undefined
    },
    ModuleUpload,
    ModuleItem
  >
  readonly getModule: Shape<None, null, ModuleItem>
  readonly deleteModule: Shape<ItemChangeQuery, null, null>
  readonly listVersions: Shape<PageQuery, null, Page<VersionItem>>
  readonly listRollouts: Shape<PageQuery, null, Page<RolloutItem>>
  readonly startRollout: Shape<ReasonQuery, RolloutRequest, RolloutItem>
  readonly getRollout: Shape<None, null, RolloutItem>
  readonly listMeasurements: Shape<PageQuery, null, Page<MeasurementItem>>
  readonly pauseRollout: Shape<ReasonQuery, null, RolloutItem>
  readonly resumeRollout: Shape<ReasonQuery, null, RolloutItem>
  readonly promoteRollout: Shape<ReasonQuery, null, RolloutItem>
  readonly abortRollout: Shape<ReasonQuery, null, RolloutItem>
  readonly listWorkers: Shape<None, null, { readonly items: readonly WorkerItem[] }>
  readonly restartWorkers: Shape<ReasonQuery, null, { readonly items: readonly WorkerItem[] }>
  readonly listOwners: Shape<
    None,
    null,
    { readonly items: readonly { readonly owner: string; readonly isDiverged: boolean }[] }
  >
  readonly listRevisions: Shape<PageQuery, null, Page<RevisionRow>>
  readonly getRevision: Shape<None, null, RevisionAnswer>
  readonly diffRevisions: Shape<None, null, TableDiff>
  readonly rollBack: Shape<ReasonQuery, null, PublishAnswer>
  readonly confirm: Shape<ReasonQuery, null, PublishAnswer>
  readonly takeBack: Shape<ReasonQuery, null, PublishAnswer>
  readonly listTokens: Shape<None, null, { readonly items: readonly TokenItem[] }>
  readonly createToken: Shape<None, TokenRequest, CreatedToken>
  readonly getToken: Shape<None, null, TokenItem>
  readonly deleteToken: Shape<None, null, null>
  readonly listSpringRoutes: Shape<None, null, readonly Item[]>
  readonly getSpringRoute: Shape<None, null, Item>
  readonly putSpringRoute: Shape<ItemChangeQuery, Item, null>
  readonly deleteSpringRoute: Shape<ItemChangeQuery, null, null>
  readonly listSpringFilters: Shape<None, null, readonly Item[]>
  readonly listSpringDefinitions: Shape<None, null, readonly Item[]>
  readonly listSpringGlobalFilters: Shape<None, null, Item>
  readonly listSpringRouteFilters: Shape<None, null, Item>
  readonly listSpringPredicates: Shape<None, null, Item>
  readonly refreshSpring: Shape<None, null, null>
}

export type QueryOf<Name extends OperationName> = OperationTypes[Name]['query']
export type BodyOf<Name extends OperationName> = OperationTypes[Name]['body']
export type AnswerOf<Name extends OperationName> = OperationTypes[Name]['answer']
