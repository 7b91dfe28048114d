import { TurnoutError } from './core/errors.ts'
import { plainRoute, type Route } from './core/route/route.ts'
import { editOf, type ChangeItem } from './control/change.ts'
import type { AnyRouteModule, Middleware, Registrar } from './modules/define.ts'
import { normalPrefix, type Mount } from './modules/definition.ts'
import type { FetchApp, NodeApp } from './modules/foreign.ts'
import { RouteRegistrar, type Registration } from './modules/registrar.ts'

/** Owner of what the embedding program adds itself. */
export const owner = 'app'

/** A module: an object with `register`, a fetch app, a Node app, or the path of a file with one as default export. */
export type ModuleSource = AnyRouteModule | FetchApp | NodeApp | string | URL

export interface MountOptions {
  /** Needed for apps, which have no name of their own. */
  readonly name?: string
  /** Put before all routes of the module. */
  readonly prefix?: string
  /** Runs before every handler of the module. */
  readonly middleware?: readonly Middleware[]
}

/** What `update` is given: the registrar, and ways to take away. Registering at a place that is taken by `app` replaces. */
export interface Change extends Registrar {
  /** Takes a route away: method (or `*`) and pattern as they were registered. */
  remove(method: string, path: string): this
  module(module: ModuleSource | readonly ModuleSource[], options?: MountOptions): this
  removeModule(name: string): this
}

/** Makes the item of a change set for a module. */
export type ItemOf = (module: ModuleSource, mount: Mount, options: MountOptions) => ChangeItem

/** Collects one change set: what `update` hands to its callback. */
export class ChangeBuilder extends RouteRegistrar implements Change {
  readonly #put: Map<string, Route>
  readonly #remove: Set<string>
  readonly #modules: ChangeItem[]
  readonly #app: readonly Middleware[]
  readonly #itemOf: ItemOf

  constructor(middleware: readonly Middleware[], itemOf: ItemOf) {
    const put = new Map<string, Route>()
    const removed = new Set<string>()
    super('', middleware, (registration) => {
      const route = routeOf(registration)
      const twice = put.get(route.id)
      if (twice !== undefined) throw conflictOf(route, twice)
      removed.delete(route.id)
      put.set(route.id, route)
    })
    this.#put = put
    this.#remove = removed
    this.#modules = []
    this.#app = [...middleware]
    this.#itemOf = itemOf
  }

  remove(method: string, path: string): this {
    const id = `${method} ${path}`
    if (!this.#put.delete(id)) this.#remove.add(id)
    return this
  }

  module(module: ModuleSource | readonly ModuleSource[], options: MountOptions = {}): this {
    const mount = {
      prefix: normalPrefix(options.prefix ?? null),
      middleware: [...this.#app, ...(options.middleware ?? [])],
    }
    const modules = Array.isArray(module)
      ? (module as readonly ModuleSource[])
      : [module as ModuleSource]
    for (const one of modules) this.#modules.push(this.#itemOf(one, mount, options))
    return this
  }

  removeModule(name: string): this {
    this.#modules.push({ kind: 'remove', owner: `${owner}:${name}` })
    return this
  }

  items(): ChangeItem[] {
    if (this.#put.size === 0 && this.#remove.size === 0) return this.#modules
    const routes = editOf(owner, [...this.#put.values()], [...this.#remove])
    return [routes, ...this.#modules]
  }
}

export const routeOf = ({ method, path, handler }: Registration): Route =>
  plainRoute(owner, `${method} ${path}`, method, path, { kind: 'closure', run: handler })

export const conflictOf = (route: Route, other: Route): TurnoutError =>
  new TurnoutError('TURNOUT_ROUTE_CONFLICT', {
    route: route.id,
    owner: route.owner,
    other: other.id,
    otherOwner: other.owner,
    witness: route.id,
  })
