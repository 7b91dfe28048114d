import { TurnoutError } from '../../core/errors.ts'
import { withoutField } from '../../core/http/fields.ts'
import type { Logger } from '../../core/logger.ts'
import { routeId } from '../../core/route/module-routes.ts'
import { plainRoute, type Route } from '../../core/route/route.ts'
import { emptyTable } from '../../core/route/table.ts'
import { thrownError } from '../../core/thrown.ts'
import { Exchange } from '../../gateway/exchange.ts'
import { invalidStatus, isFinal } from '../../gateway/gateway.ts'
import { errorReply } from '../../gateway/problem-reply.ts'
import { handled, type Reply } from '../../gateway/reply.ts'
import type { Handler, Snapshot } from '../../gateway/snapshot.ts'
import type { Transport } from '../../gateway/transport.ts'
import { usualEnvironment } from '../../gateway/upstream/environment.ts'
import { Upstreams } from '../../gateway/upstream/upstreams.ts'
import type { Services } from '../define.ts'
import { readDefinition, type Definition } from '../definition.ts'
import { evaluate } from '../evaluate.ts'
import { mapError } from '../report.ts'
import { ModuleScope } from '../scope.ts'
import { synchronous } from '../state.ts'
import type { Envelope } from './envelope.ts'
import type { GivenState, HostListing, HostOrder } from './messages.ts'
import { uncloneableReason } from './uncloneable.ts'

interface Entry {
  readonly route: Route
  readonly handler: Handler
}

/** A module in a process of its own, as that process has it: open/close. */
export class IsolatedHost {
  readonly listing: HostListing
  readonly #definition: Definition
  readonly #state: unknown
  readonly #entries: readonly Entry[]
  readonly #scope: ModuleScope
  readonly #log: Logger
  #snapshot: Snapshot

  private constructor(definition: Definition, state: unknown, services: Services, log: Logger) {
    this.#definition = definition
    this.#state = state
    this.#log = log
    this.#scope = new ModuleScope(log)
    const { scopeLog } = this.#scope
    if (definition.mentionsLog) scopeLog.take()
    const { routes, filters } = definition.register(this.#scope.view(state, services))
    this.#entries = routes.map(({ method, path, handler }) => {
      const target = { kind: 'module', module: definition.name } as const
      const id = routeId(definition.name, method, path)
      const logged = scopeLog.handler(handler)
      return { route: plainRoute('', id, method, path, target), handler: logged }
    })
    this.listing = {
      name: definition.name,
      version: definition.version,
      routes: routes.map(({ method, path }) => ({ method, path })),
      filters: [...filters.keys()].sort(),
      hasSettle: definition.state?.settle !== undefined,
    }
    this.#snapshot = {
      revision: 0,
      table: emptyTable,
      versions: new Map(),
      upstreams: new Upstreams(usualEnvironment(log)),
    }
  }

  /** Evaluates the artifact and runs `register`. Throws what the author's code throws. */
  static async open(order: HostOrder, services: Services, log: Logger): Promise<IsolatedHost> {
    const { artifact, file, name, prefix, version } = order
    // Whoever gave the order keeps the deadline: this process may be unable to.
    const evaluated = await evaluate(artifact, { file, timeoutMs: 0 })
    if (!evaluated.ok) throw TurnoutError.of(evaluated.problem)
    const mount = { prefix, middleware: [] }
    const definition = readDefinition(evaluated.exports['default'], name, mount, version)
    return new IsolatedHost(definition, stateOf(definition, order.state), services, log)
  }

  /** Answers one exchange. */
  async serve(transport: Transport, envelope: Envelope): Promise<void> {
    const { route, handler } = this.#entries[envelope.route]!
    const { params, path, revision } = envelope
    const exchange = new Exchange(transport, this.#at(revision))
    exchange.mirrored = envelope.isMirrored
    const { traceId } = envelope
    if (traceId !== exchange.trace.traceId)
      exchange.trace = { traceId, parentId: null, flags: 0, state: '' }
    const [pattern = ''] = route.paths
    const match = { kind: 'match', value: route, params, pattern, pathEnd: 0 } as const
    exchange.matched({ ...match, canonical: path, told: null, leaf: null })
    try {
      const reply = await handler(exchange)
      if (reply !== handled && !transport.isHeadSent) await answer(transport, reply)
    } catch (error) {
      this.#failed(exchange, error)
    }
  }

  #failed(exchange: Exchange, error: unknown): void {
    const { transport } = exchange
    const thrown = thrownError(error)
    if (!(thrown instanceof TurnoutError) || thrown.status >= 500) {
      const { method, path, route, snapshot, trace } = exchange
      const at = {
        trace_id: trace.traceId,
        method,
        path,
        route_id: route?.id,
        revision: snapshot.revision,
      }
      this.#log.error('a handler failed', { ...at, ...mapError(error) })
    }
    if (transport.isHeadSent) return transport.destroy()
    void answer(transport, errorReply(error))
  }

  /** What handlers are told of the table: the number of its revision. */
  #at(revision: number): Snapshot {
    if (this.#snapshot.revision !== revision) this.#snapshot = { ...this.#snapshot, revision }
    return this.#snapshot
  }

  /** The state, to be copied. Throws TURNOUT_STATE_UNCLONEABLE. */
  get state(): unknown {
    const reason = uncloneableReason(this.#state)
    if (reason === null) return this.#state
    throw new TurnoutError('TURNOUT_STATE_UNCLONEABLE', { module: this.listing.name, reason })
  }

  settle(other: unknown): void {
    this.#definition.state?.settle?.(this.#state, other as never)
  }

  close(): Promise<void> {
    return this.#scope.close()
  }
}

const stateOf = ({ state: rules }: Definition, given: GivenState | null): unknown => {
  if (rules === null) return undefined
  if (given === null || given.value === undefined) return synchronous(rules.create())
  const { value, fromVersion } = given
  if (fromVersion === null || rules.migrate === undefined) return value
  return synchronous(rules.migrate(value as never, fromVersion))
}

const answer = (transport: Transport, reply: Reply): void | Promise<void> => {
  const { status, body } = reply
  if (!isFinal(status)) throw invalidStatus(status)
  // The connection is the worker's: closed with a body under way, its answer would be lost.
  const isOwn = reply.header('connection') === undefined
  const headers = isOwn ? reply.headers : withoutField(reply.headers, 'connection')
  if (body === null || typeof body === 'string' || body instanceof Uint8Array)
    return transport.send(status, headers, body)
  return transport.stream(status, headers, body)
}
