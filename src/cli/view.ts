import type { Problem } from '../core/errors.ts'

/** A route as it is listed. */
export interface RouteView {
  /** `*` for any method. */
  readonly method: string
  readonly pattern: string
  readonly module: string
  /** Absent where the module names none. */
  readonly version?: string
  /** Name of the handler's function, where it has one. */
  readonly handler?: string
  /** Where the route was registered. */
  readonly file?: string
  readonly line?: number
}

/** What a revision did to one module. */
export interface ModuleChangeView {
  readonly module: string
  readonly kind: 'added' | 'replaced' | 'removed'
  /** Version before; absent for an added module or where none is named. */
  readonly from?: string
  /** Version after; absent for a removed module or where none is named. */
  readonly to?: string
  readonly routesAdded: number
  readonly routesRemoved: number
  /** Exchanges that still hold the version before. */
  readonly draining: number
}

/** What a revision did to the routes and upstreams of one owner. */
export interface OwnerChangeView {
  readonly owner: string
  readonly routesAdded: number
  readonly routesRemoved: number
  readonly routesChanged: number
  /** That came, went or changed. */
  readonly upstreams: number
  readonly upstreamsAdded: number
  readonly upstreamsRemoved: number
}

/** An applied revision. */
export interface ChangeView {
  readonly revision: number
  /** Routes and upstreams of no module, by owner. */
  readonly owners: readonly OwnerChangeView[]
  readonly modules: readonly ModuleChangeView[]
  /** From the first event to the apply. */
  readonly durationMs: number
}

/** A change that was refused. */
export interface RejectionView {
  readonly module: string
  /** Version that goes on serving; null: the module has never served; absent: it names no version. */
  readonly serving?: string | null
  readonly problems: readonly Problem[]
}

/** A replaced version whose last exchange has left. */
export interface RetirementView {
  readonly module: string
  readonly version?: string
  /** From the apply that replaced it to its end. */
  readonly durationMs: number
}

/** A server that accepts requests. */
export interface ReadyView {
  readonly version: string
  readonly readyMs: number
  /** One for each listener, with the port that was bound. */
  readonly urls: readonly string[]
  /** The admin API; null: it is off. */
  readonly admin: string | null
  /** Where probes are answered; null: nowhere but in the admin API. */
  readonly health: string | null
  readonly revision: number
  readonly folder: string
  readonly modules: number
  readonly routes: number
  readonly configFile: string | null
}
