import type { Placed } from '../core/route/choice.ts'
import { Shared } from '../core/route/choice.ts'
import { mayReach } from '../core/route/find.ts'
import type { Route } from '../core/route/route.ts'
import type { PathOptions } from '../core/router/path.ts'
import { otherTrailingSlash } from '../core/router/path.ts'
import type { LiveVersion, Snapshot } from '../gateway/snapshot.ts'
import { ModuleVersion } from '../modules/module-version.ts'

export interface NodeRouteOptions {
  readonly path: PathOptions
  /** Whether a slash at the end makes no difference. */
  readonly isLoose: boolean
}

const isNodeApp = (version: LiveVersion): boolean =>
  version instanceof ModuleVersion && version.definition.kind === 'node'

/** Serves a part of what it is asked by whatever another path leads to. */
const isForwarding = ({ filters = [] }: Route): boolean =>
  filters.some((filter) => filter.kind === 'breaker' && filter.forward !== null)

/**
 * Which requests only `node:http` can serve: those that may come to an app which is a function of its objects. Looked up
 * once for each snapshot, and for the places of its table that were asked for; where there is no such app, it costs nothing.
 */
export class NodeRoutes {
  readonly #snapshot: Snapshot
  readonly #options: NodeRouteOptions
  readonly #names: ReadonlySet<string>
  readonly #known: WeakMap<Shared, boolean>

  constructor(snapshot: Snapshot, options: NodeRouteOptions) {
    this.#snapshot = snapshot
    this.#options = options
    const apps = [...snapshot.versions].filter(([, version]) => isNodeApp(version))
    this.#names = new Set(apps.map(([name]) => name))
    this.#known = new WeakMap()
  }

  isOf(snapshot: Snapshot): boolean {
    return snapshot === this.#snapshot
  }

  has(method: string, target: string): boolean {
    if (this.#names.size === 0) return false
    const { path, isLoose } = this.#options
    const { router } = this.#snapshot.table
    if (mayReach(router, method, target, path, this.#isMeant)) return true
    if (!isLoose) return false
    const end = target.indexOf('?')
    const other = otherTrailingSlash(end < 0 ? target : target.slice(0, end))
    return other !== undefined && mayReach(router, method, other, path, this.#isMeant)
  }

  readonly #isMeant = (placed: Placed): boolean => {
    if (!(placed instanceof Shared)) return this.#isOfApp(placed)
    const known = this.#known.get(placed)
    if (known !== undefined) return known
    const isMeant = placed.routes.some((route) => this.#isOfApp(route))
    this.#known.set(placed, isMeant)
    return isMeant
  }

  #isOfApp(route: Route): boolean {
    const { target } = route
    return target.kind === 'module' ? this.#names.has(target.module) : isForwarding(route)
  }
}
