import { TurnoutError } from '../core/errors.ts'
import type { Lifecycle } from '../core/route/route.ts'
import { silentLogger } from '../core/logger.ts'
import { readDefinition, type Definition } from './definition.ts'
import type { Isolation } from './isolated/isolation.ts'
import { ModuleScope } from './scope.ts'
import { synchronous } from './state.ts'
import type { Services } from './define.ts'

/** What a module declares: learned in a process of its own before its code runs where requests are served. */
export interface Manifest {
  readonly kind: 'module' | 'fetch' | 'node'
  readonly name: string
  readonly version: string
  readonly routes: readonly { readonly method: string; readonly path: string }[]
  /** Names, in order. */
  readonly filters: readonly string[]
  readonly lifecycle: Lifecycle | null
  readonly isolation: Isolation
}

/** Stand-ins: `register` declares, it does not act, so a service fails as soon as it is used. */
const standIns = (): Services =>
  new Proxy(
    {},
    {
      get: (_, name) => standIn(String(name)),
    },
  )

const standIn = (name: string): unknown => {
  const fail = (): never => {
    throw new TurnoutError('TURNOUT_SERVICE_IN_REGISTER', { service: name })
  }
  return new Proxy(() => undefined, { get: fail, set: fail, apply: fail, construct: fail })
}

/**
 * Runs `register` on stand-ins and lists what it declares. Throws what the author's code throws. Its disposers run
 * only where the process is not the one that serves: there they would close what the serving version uses.
 */
export function listDefinition(
  definition: Definition,
  { isServing }: { readonly isServing: boolean },
): Pick<Manifest, 'routes' | 'filters'> {
  const scope = new ModuleScope(silentLogger)
  try {
    const state = synchronous(definition.state?.create())
    const { routes, filters } = definition.register(scope.view(state, standIns()))
    return {
      routes: routes.map(({ method, path }) => ({ method, path })),
      filters: [...filters.keys()].sort(),
    }
  } finally {
    if (isServing) scope.clear()
    else void scope.close()
  }
}

/** What a rehearsal runs on a module's exports. */
export function inspectModule(
  exports: { readonly default?: unknown },
  context: { readonly name: string; readonly mount?: string; readonly version?: string },
): Manifest {
  const mount = { prefix: context.mount ?? '', middleware: [] }
  const definition = readDefinition(exports.default, context.name, mount, context.version)
  const { kind, name, version, lifecycle, isolation } = definition
  return {
    kind,
    name,
    version,
    lifecycle,
    isolation,
    ...listDefinition(definition, { isServing: false }),
  }
}
