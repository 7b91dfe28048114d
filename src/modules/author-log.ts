import { AsyncLocalStorage } from 'node:async_hooks'
import type { LogFields, Logger } from '../core/logger.ts'
import type { Exchange } from '../gateway/exchange.ts'
import type { Handler, LiveFilter } from '../gateway/snapshot.ts'

const isSet = (fields: LogFields | undefined): fields is LogFields => fields !== undefined

/** A log for code of authors: their fields are in `data`, where they meet none of ours. */
function authorLogger(log: Logger, around: () => LogFields | undefined): Logger {
  const fieldsOf = (data: LogFields | undefined): LogFields | undefined => {
    const own = around()
    return isSet(data) ? { ...own, data } : own
  }
  return {
    debug: (message, data) => log.debug(message, fieldsOf(data)),
    info: (message, data) => log.info(message, fieldsOf(data)),
    warn: (message, data) => log.warn(message, fieldsOf(data)),
    error: (message, data) => log.error(message, fieldsOf(data)),
  }
}

const exchangeFields = (exchange: Exchange): LogFields => ({
  trace_id: exchange.trace.traceId,
  route_id: exchange.route?.id,
})

/** The log of one exchange: what it says is known to belong to it, wherever it is said. */
export function exchangeLog(exchange: Exchange, own: Logger | null): Logger {
  const { route, snapshot } = exchange
  const target = route?.target
  const version = target?.kind === 'module' ? snapshot.versions.get(target.module) : undefined
  const log = own ?? version?.log ?? snapshot.upstreams.environment.log
  return authorLogger(log, () => exchangeFields(exchange))
}

/** The exchange whose handler runs just now. What handlers of one process have in common: only one runs at a time. */
let running: Exchange | null = null
const followed = new AsyncLocalStorage<Exchange>()

/**
 * The log that a module version has from its scope. It knows which exchange it is used for: of what runs without a break
 * since a handler was called, a marker tells it; of what comes later, the exchange is followed through promises and timers,
 * for versions that use the log at all, because following is not free.
 */
export class ScopeLog {
  readonly #log: Logger
  #isUsed: boolean

  constructor(log: Logger) {
    this.#isUsed = false
    this.#log = authorLogger(log, () => {
      const exchange = running ?? followed.getStore()
      return exchange === undefined ? undefined : exchangeFields(exchange)
    })
  }

  /** Whoever takes it is followed from then on. */
  take(): Logger {
    this.#isUsed = true
    return this.#log
  }

  handler(handler: Handler): Handler {
    return (exchange) => {
      const before = running
      running = exchange
      try {
        return this.#isUsed ? followed.run(exchange, handler, exchange) : handler(exchange)
      } finally {
        running = before
      }
    }
  }

  filter(filter: LiveFilter): LiveFilter {
    return (exchange, next, args) => {
      const before = running
      running = exchange
      try {
        return this.#isUsed
          ? followed.run(exchange, filter, exchange, next, args)
          : filter(exchange, next, args)
      } finally {
        running = before
      }
    }
  }
}

/** `register(routes, scope)` whose body has `scope.log`: it is taken later than `register` runs, maybe after an `await`. */
export function mentionsLog({ register }: { readonly register: unknown }): boolean {
  if (typeof register !== 'function') return false
  const text = Function.prototype.toString.call(register)
  const [, name] = /^[^(]*\(\s*[\w$]+\s*,\s*([\w$]+)\s*[),:]/.exec(text) ?? []
  return name !== undefined && text.includes(`${name}.log`)
}
