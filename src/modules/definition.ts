import { TurnoutError, type Problem } from '../core/errors.ts'
import { readLifecycle } from '../core/route/lifecycle-parse.ts'
import type { Lifecycle } from '../core/route/route.ts'
import { mentionsLog } from './author-log.ts'
import { chain } from './chain.ts'
import type { AnyRouteModule, Middleware, RouteModule, Scope, StateRules } from './define.ts'
import { isFetchApp, isNodeApp, registerForeign, type FetchApp, type NodeApp } from './foreign.ts'
import { DefinitionRegistrar, type Registered } from './module-registrar.ts'
import { inline, isolationProblem, type Isolation } from './isolated/isolation.ts'
import { joinPath, type Registration } from './registrar.ts'

/** What may be the default export of a module's file. */
export type ModuleExport = AnyRouteModule | FetchApp | NodeApp

/** A module's default export in one shape, with its defaults filled in. */
export interface Definition {
  readonly kind: 'module' | 'fetch' | 'node'
  readonly name: string
  readonly version: string
  readonly state: StateRules<unknown> | null
  readonly lifecycle: Lifecycle | null
  /** Where its author wants it to run. */
  readonly isolation: Isolation
  /** It takes the log of its scope while it serves. */
  readonly mentionsLog: boolean
  /** Lists the registrations; for a route module this runs the author's `register`. */
  register(scope: Scope<unknown>): Registered
}

const semVer =
  /^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[\dA-Za-z-]+(?:\.[\dA-Za-z-]+)*)?(?:\+[\dA-Za-z-]+(?:\.[\dA-Za-z-]+)*)?$/

const wrong = (reason: string): TurnoutError =>
  new TurnoutError('TURNOUT_MODULE_EXPORT_INVALID', { reason })

const optionalText = (value: unknown, field: string): string | null => {
  if (value === undefined) return null
  if (typeof value !== 'string' || value === '') throw wrong(`its ${field} is not a string`)
  return value
}

/** Empty, or a path without a trailing slash. */
export const normalPrefix = (prefix: string | null): string => {
  if (prefix === null || prefix === '/') return ''
  if (!prefix.startsWith('/')) throw wrong(`its prefix '${prefix}' does not start with a slash`)
  return joinPath(prefix, '')
}

const stateOf = (value: unknown): Definition['state'] => {
  if (value === undefined) return null
  const rules = value as Record<string, unknown>
  if (typeof value !== 'object' || value === null || typeof rules['create'] !== 'function') {
    throw wrong('its state has no create function')
  }
  for (const name of ['migrate', 'settle']) {
    if (rules[name] !== undefined && typeof rules[name] !== 'function') {
      throw wrong(`its state.${name} is not a function`)
    }
  }
  return value as Definition['state']
}

const lifecycleOf = (value: unknown): Lifecycle | null => {
  if (value === undefined) return null
  const problems: Problem[] = []
  const lifecycle = readLifecycle({ value, pointer: '', problems })
  const [problem] = problems
  if (problem !== undefined)
    throw wrong(`its lifecycle${problem.pointer ?? ''}: ${problem.message}`)
  return lifecycle ?? null
}

const authorsIsolation = ({ isolation, memoryMb }: RouteModule<unknown>): Isolation => {
  const said = {
    ...(isolation !== undefined && { isolation }),
    ...(memoryMb !== undefined && { memoryMb }),
  }
  const found = isolationProblem(said)
  if (found !== null) throw wrong(`its ${found.name} is not ${found.expected}`)
  return said
}

/** Where an embedding program mounts a module: in front of its own prefix, behind this middleware. */
export interface Mount {
  readonly prefix: string
  readonly middleware: readonly Middleware[]
}

const atRoot: Mount = { prefix: '', middleware: [] }

/**
 * Reads a default export; throws TURNOUT_MODULE_EXPORT_INVALID with the reason. `name` is what its file is called, and
 * `unsaid` its version where it says none.
 */
export function readDefinition(
  exported: unknown,
  name: string,
  mount: Mount = atRoot,
  unsaid: string = '0.0.0',
): Definition {
  if (exported === undefined) throw wrong('it has no default export')
  if (isRouteModule(exported)) {
    const version = optionalText(exported.version, 'version') ?? unsaid
    if (!semVer.test(version)) throw wrong(`its version '${version}' is not SemVer`)
    const own = normalPrefix(optionalText(exported.prefix, 'prefix'))
    return {
      kind: 'module',
      name: optionalText(exported.name, 'name') ?? name,
      version,
      state: stateOf(exported.state),
      lifecycle: lifecycleOf(exported.lifecycle),
      isolation: authorsIsolation(exported),
      mentionsLog: mentionsLog(exported),
      register: (scope) => runRegister(exported, mount.prefix + own, mount.middleware, scope),
    }
  }
  if (isFetchApp(exported) || isNodeApp(exported)) {
    const app = exported
    return {
      kind: isFetchApp(app) ? 'fetch' : 'node',
      name,
      version: unsaid,
      state: null,
      lifecycle: null,
      isolation: inline,
      mentionsLog: false,
      register: () => ({
        routes: registerForeign(app, mount.prefix).map((one) => behind(mount.middleware, one)),
        filters: new Map(),
      }),
    }
  }
  if (typeof exported === 'function') {
    throw wrong(
      'it is a function of fewer than two parameters: neither a Node app (req, res) nor a module',
    )
  }
  throw wrong('it is neither a route module with `register`, nor a fetch app, nor a Node app')
}

const isRouteModule = (value: unknown): value is RouteModule<unknown> =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as { register?: unknown }).register === 'function' &&
  // h3 has a `register` of its own, and itty-router has any property that is asked for.
  !isFetchApp(value)

const behind = (middleware: readonly Middleware[], registration: Registration): Registration => {
  if (middleware.length === 0) return registration
  const handler = chain(middleware, ({ exchange }) => registration.handler(exchange))
  return { ...registration, handler }
}

const runRegister = (
  module: RouteModule<unknown>,
  prefix: string,
  middleware: readonly Middleware[],
  scope: Scope<unknown>,
): Registered => {
  const routes = new DefinitionRegistrar(prefix, middleware)
  const result: unknown = module.register(routes, scope)
  const registered = routes.end()
  if (result instanceof Promise) {
    result.catch(() => undefined)
    throw new TurnoutError('TURNOUT_REGISTRATION_INVALID', { reason: '`register` is asynchronous' })
  }
  return registered
}
