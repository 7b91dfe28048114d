import type { Logger } from './core/logger.ts'
import type { Exchange } from './gateway/exchange.ts'
import { TurnoutError } from './core/errors.ts'
import { thrownError } from './core/thrown.ts'
import { mapError } from './modules/report.ts'
import type { TurnoutEmitter } from './turnout-events.ts'

/** Messages about changes: whoever prints events for people shows these in another way. */
export const changeMessages: readonly string[] = [
  'a revision was applied',
  'a change was rejected',
  'a module version was retired',
]
const [applied, rejected, retired] = changeMessages as [string, string, string]

/** A log of the host that throws must not cost the change. */
const careful = ({ info, warn }: Pick<Logger, 'info' | 'warn'>): Pick<Logger, 'info' | 'warn'> => {
  const guarded =
    (say: Logger['info']): Logger['info'] =>
    (message, fields) => {
      try {
        say(message, fields)
      } catch {
        // There is nowhere left to say so.
      }
    }
  return { info: guarded(info), warn: guarded(warn) }
}

/** Has the log say what becomes of changes. */
export function logChanges(events: TurnoutEmitter, given: Logger): void {
  const log = careful({
    info: (message, fields) => given.info(message, fields),
    warn: (message, fields) => given.warn(message, fields),
  })
  events.on('applied', ({ revision, durationMs }) => {
    const { number, digest, author, reason, changes } = revision
    const count = (name: 'added' | 'removed' | 'changed'): number =>
      changes.reduce((sum, change) => sum + change[name].length, 0)
    log.info(applied, {
      revision: number,
      digest,
      author,
      reason,
      routes_added: count('added'),
      routes_removed: count('removed'),
      routes_changed: count('changed'),
      duration_ms: rounded(durationMs),
    })
  })
  events.on('rejected', ({ author, reason, rejections }) => {
    for (const { owner, label, digest, problems } of rejections)
      log.warn(rejected, {
        author,
        reason,
        owner,
        module: label,
        digest,
        code: problems[0]?.code,
        problems: problems.map(({ message }) => message),
      })
  })
  events.on('retired', ({ module, version, waitedMs }) =>
    log.info(retired, { module, module_version: version, duration_ms: rounded(waitedMs) }),
  )
}

const rounded = (ms: number): number => Math.round(ms * 1000) / 1000

/** A handler threw, and its client was answered. */
export const tellRecovered = (log: Logger, error: unknown, exchange: Exchange): void => {
  const thrown = thrownError(error)
  if (thrown instanceof TurnoutError && thrown.status < 500) return
  log.error('a handler failed', {
    trace_id: exchange.trace.traceId,
    method: exchange.method,
    path: exchange.path,
    route_id: exchange.route?.id,
    revision: exchange.snapshot.revision,
    ...exchange.thrower,
    ...mapError(error),
  })
}
