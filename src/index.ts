export { defineConfig, type Config } from './config/define.ts'
export { TurnoutError, type ErrorCode, type Problem } from './core/errors.ts'
export type { Logger, LogFields } from './core/logger.ts'
export type { Explanation } from './core/router/explain.ts'
export type { AppliedChange, Rejection, Revision } from './control/change.ts'
export { Reply, type ReplyBody } from './gateway/reply.ts'
export type { Context } from './modules/context.ts'
export type { FilterContext } from './modules/filter-context.ts'
export type { Body } from './modules/body.ts'
export {
  defineModule,
  type Answer,
  type AnyRouteModule,
  type Filter,
  type FilterArgs,
  type Handlers,
  type Middleware,
  type ModuleRegistrar,
  type Registrar,
  type RouteHandler,
  type RouteModule,
  type Scope,
  type Services,
  type StateRules,
} from './modules/define.ts'
export type { FetchApp, NodeApp } from './modules/foreign.ts'
export type { ServiceDefinition } from './modules/services.ts'
export type { Limits } from './core/http/limits.ts'
export type { Holder, HolderKind, Leak, RetiredFacts, RetiredState } from './core/leak.ts'
export type {
  ResourceEvent,
  ResourceName,
  ResourceOptions,
  ResourceSettings,
} from './core/protect/resources.ts'
export type { OverloadOptions, OverloadSettings, OverloadStatus } from './core/protect/overload.ts'
export type { Listener, ListenOptions, NodeHandler } from './server/node-listener.ts'
export {
  createTurnout,
  openTurnout,
  type AdminOptions,
  type DurableOptions,
  type FilesOptions,
  type HealthAddress,
  type Resumed,
  type RouteRow,
  type Turnout,
  type TurnoutOptions,
} from './turnout.ts'
export type { HealthServer } from './server/health-server.ts'
export type { OpenedAdmin } from './turnout-admin.ts'
export type { Probe, Probed, ProbedRoute } from './turnout-probe.ts'
export type { Change, ModuleSource, MountOptions } from './turnout-change.ts'
export type { RedisOptions } from './turnout-redis.ts'
export type { RedisStatus } from './source/redis/status.ts'
export type { SourceEvent, TurnoutEvents } from './turnout-events.ts'
