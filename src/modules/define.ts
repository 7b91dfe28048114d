import type { Logger } from '../core/logger.ts'
import type { ModuleFilter } from '../core/route/filter.ts'
import type { Reply } from '../gateway/reply.ts'
import type { Context } from './context.ts'
import type { FilterContext } from './filter-context.ts'

/** Names of the params in a pattern: `'/users/:id/*rest'` gives `'id' | 'rest'`. */
export type ParamNames<Path extends string> = Path extends `${infer Head}/${infer Tail}`
  ? ParamNames<Head> | ParamNames<Tail>
  : Path extends `:${infer Name}(${string}`
    ? Name
    : Path extends `:${infer Name}`
      ? Name
      : Path extends `*${infer Name}`
        ? Name
        : never

/** What a handler may return: a reply of the context, or a web `Response`. */
export type Answer = Reply | Response

/** A function that answers a request. */
export type RouteHandler<Path extends string = string> = (
  c: Context<Path>,
) => Answer | Promise<Answer>

/**
 * A function before a handler. It answers by itself, or calls `next` once and returns that answer (changed or
 * not), or returns nothing after `next`: then the answer of what follows stands.
 */
export type Middleware = (
  c: Context,
  next: () => Promise<Reply>,
) => Answer | void | Promise<Answer | void>

/** What a route says beside the name of a filter: frozen, and `{}` where it says nothing. */
export type FilterArgs = ModuleFilter['args']

/**
 * A function around the target of routes that name it. It answers as middleware does, and middleware that does not read
 * the body is a filter, too.
 */
export type Filter = (
  c: FilterContext,
  next: () => Promise<Reply>,
  args: FilterArgs,
) => Answer | void | Promise<Answer | void>

/** The last is the handler, those before it are middleware of this route alone. */
export type Handlers<Path extends string> = readonly [...Middleware[], RouteHandler<Path>]

/** The registrar that everyone knows. `use` is for the routes registered after it, in this group and its groups. */
export interface Registrar {
  get<Path extends string>(path: Path, ...handlers: Handlers<Path>): this
  post<Path extends string>(path: Path, ...handlers: Handlers<Path>): this
  put<Path extends string>(path: Path, ...handlers: Handlers<Path>): this
  delete<Path extends string>(path: Path, ...handlers: Handlers<Path>): this
  patch<Path extends string>(path: Path, ...handlers: Handlers<Path>): this
  head<Path extends string>(path: Path, ...handlers: Handlers<Path>): this
  options<Path extends string>(path: Path, ...handlers: Handlers<Path>): this
  /** Any method that no other route of the place names. */
  any<Path extends string>(path: Path, ...handlers: Handlers<Path>): this
  /** One or more methods by name, `handle(['GET', 'PURGE'], '/x', handler)`. */
  handle<Path extends string>(
    method: string | readonly string[],
    path: Path,
    ...handlers: Handlers<Path>
  ): this
  use(...middleware: Middleware[]): this
  /** A registrar for the routes below `prefix`, with the middleware so far and its own. */
  group(prefix: string, ...middleware: Middleware[]): Registrar
}

/** The registrar of a module. */
export interface ModuleRegistrar extends Registrar {
  /** Makes a filter that routes of any owner may name, beside the module. `use` and `group` do not count for it. */
  filter(name: string, filter: Filter): this
}

/** Services given to modules, by name. Extend it in your code to have them typed. */
// oxlint-disable-next-line typescript/no-empty-interface -- open for declaration merging
export interface Services extends Record<string, unknown> {}

/** What `register` is given besides the registrar; all that is made through it ends with the module version. */
export interface Scope<State = undefined> {
  /** Lives on through replacements; mutate it, do not replace it. */
  readonly state: State
  /** Aborts when this version is disposed of. */
  readonly signal: AbortSignal
  readonly services: Services
  readonly log: Logger
  /** Runs after the last exchange on this version ended; last registered first. At most 5 s. */
  readonly onDispose: (dispose: () => void | Promise<void>) => void
  /** Like the global one, but cleared at dispose; a throw is logged, not fatal. */
  readonly setTimeout: (callback: () => void, delayMs: number) => () => void
  readonly setInterval: (callback: () => void, delayMs: number) => () => void
  /** Adds a listener that is removed at dispose. */
  readonly on: (
    emitter: ListenerTarget,
    event: string,
    listener: (...values: readonly unknown[]) => void,
  ) => () => void
}

/** What a scope can listen to: Node's event emitters. */
export interface ListenerTarget {
  on(event: string, listener: (...values: unknown[]) => void): unknown
  off(event: string, listener: (...values: unknown[]) => void): unknown
}

/** How a module's state begins, moves on to the next version and takes in what late exchanges wrote. */
export interface StateRules<State> {
  create(): State
  /**
   * Makes this version's state from that of the version before. Synchronous and pure: it is called once to
   * rehearse and once in the turn of the swap. Without it the same object is handed on.
   */
  migrate?(old: never, fromVersion: string): State
  /** Called with this version's state and the replaced one's, when the last exchange on that one has ended. */
  settle?(survivor: State, other: never): void
}

/** Where a version is in its life. Instants in ISO 8601. */
export interface ModuleLifecycle {
  /** `retired` answers 410. */
  readonly state: 'current' | 'maintenance' | 'deprecated' | 'retired'
  /** The field `Deprecation` of RFC 9745. */
  readonly deprecatedAt?: string
  /** The field `Sunset` of RFC 8594. */
  readonly sunsetAt?: string
  /** True: after `sunsetAt` it answers 410. */
  readonly gone?: boolean
  /** Where people read more: the field `Link`. */
  readonly links?: {
    readonly deprecation?: string
    readonly sunset?: string
    readonly successor?: string
  }
}

/** A route module: the default export of its file. */
export interface RouteModule<State = undefined> {
  /** Default: the file's name without its ending. */
  readonly name?: string
  /** SemVer. Default: `0.0.0`. */
  readonly version?: string
  /** Put before all its routes. Default: none. */
  readonly prefix?: string
  readonly state?: StateRules<State>
  /** Where this version is in its life; answers say so by themselves. Default: current. */
  readonly lifecycle?: ModuleLifecycle
  /** Where its code runs: `inline` (default), in the worker; `isolated`, in a process of its own. */
  readonly isolation?: 'inline' | 'isolated'
  /** Most memory of that process, in MB, 128 or more; past it, it is replaced. Default: no cap. */
  readonly memoryMb?: number
  /** Declares the routes. Synchronous; it declares, it does not act. */
  register(routes: ModuleRegistrar, scope: Scope<State>): void
}

/** A route module whatever its state is: what is taken where modules are mounted. */
export interface AnyRouteModule extends Omit<RouteModule<never>, 'state'> {
  readonly state?: {
    create(): unknown
    migrate?(old: never, fromVersion: string): unknown
    settle?(survivor: never, other: never): void
  }
}

/** Adds types to a route module and nothing else. */
export function defineModule<State = undefined>(module: RouteModule<State>): RouteModule<State> {
  return module
}
