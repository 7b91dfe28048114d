import type { Json } from '../../core/json.ts'
import { codeReply } from '../problem-reply.ts'
import type { Handler, LiveVersion } from '../snapshot.ts'
import type { FilterMaker } from './filter.ts'

/** A copy that nobody can change. */
const frozen = <Value extends Json>(value: Value): Value => {
  if (typeof value !== 'object' || value === null) return value
  const copy = Array.isArray(value)
    ? value.map(frozen)
    : Object.fromEntries(Object.entries(value).map(([name, one]) => [name, frozen(one)]))
  return Object.freeze(copy) as Value
}

/** The filter as the version registers it that the exchange's snapshot has. */
export const moduleFilter: FilterMaker<'module'> = ({ module, name, args }) => {
  const own = frozen(args)
  return (next) => (exchange) => {
    const filter = exchange.snapshot.versions.get(module)?.filterOf(name)
    if (filter === undefined) throw new Error(`no filter ${name} of the module ${module}`)
    return filter(exchange, next, own)
  }
}

/**
 * Holds the modules whose filters come, all of them before the first one runs: one that waits must not find that a version
 * further in was disposed of meanwhile. Where one is not live nobody is asked: its filter may be what keeps others out.
 */
export const holding =
  (modules: readonly string[], next: Handler): Handler =>
  (exchange) => {
    const versions: LiveVersion[] = []
    for (const module of modules) {
      const version = exchange.snapshot.versions.get(module)
      if (version === undefined) return codeReply('TURNOUT_MODULE_NOT_LIVE', { module })
      versions.push(version)
    }
    for (const version of versions) exchange.hold(version)
    return next(exchange)
  }
