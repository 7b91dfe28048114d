import { TurnoutError } from '../core/errors.ts'
import { isPrintable } from '../core/route/input.ts'
import type { Filter, Middleware, ModuleRegistrar } from './define.ts'
import { RouteRegistrar, invalid, type Registration } from './registrar.ts'

/** All that a module registered. */
export interface Registered {
  readonly routes: readonly Registration[]
  /** By name. */
  readonly filters: ReadonlyMap<string, Filter>
}

/** Most filters of one module: their names are kept with every revision. */
const maxFilters = 256

/** The registrar given to modules: routes, and filters for the routes of others. It takes nothing once it is ended. */
export class DefinitionRegistrar extends RouteRegistrar implements ModuleRegistrar {
  readonly #routes: Registration[]
  readonly #filters: Map<string, Filter>
  #isOpen: boolean

  constructor(prefix: string, middleware: readonly Middleware[]) {
    const routes: Registration[] = []
    super(prefix, middleware, (registration) => {
      this.#demandOpen(registration.path)
      routes.push(registration)
    })
    this.#routes = routes
    this.#filters = new Map()
    this.#isOpen = true
  }

  filter(name: string, filter: Filter): this {
    if (typeof name !== 'string' || name === '' || name.length > 256 || !isPrintable(name))
      throw invalid('the name of a filter is a text of 1 to 256 characters that print')
    if (typeof filter !== 'function') throw invalid(`the filter ${name} is not a function`)
    this.#demandOpen(`the filter ${name}`)
    if (this.#filters.has(name)) throw new TurnoutError('TURNOUT_FILTER_TWICE', { filter: name })
    if (this.#filters.size >= maxFilters)
      throw invalid(`a module has at most ${maxFilters} filters`)
    this.#filters.set(name, filter)
    return this
  }

  /** Ends it: what was registered. */
  end(): Registered {
    this.#isOpen = false
    return { routes: this.#routes, filters: this.#filters }
  }

  #demandOpen(what: string): void {
    if (!this.#isOpen) throw new TurnoutError('TURNOUT_REGISTRATION_LATE', { path: what })
  }
}
