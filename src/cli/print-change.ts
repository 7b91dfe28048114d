import { plainLine } from '../core/plain-text.ts'
import type { Paint } from './colour.ts'
import type { Revision } from '../control/change.ts'
import type { ChangeView, ModuleChangeView, OwnerChangeView, RetirementView } from './view.ts'

type StepView = Pick<Revision, 'author' | 'reason' | 'number'>

/** A duration for people: whole milliseconds, seconds from ten seconds on. */
export function printDuration(durationMs: number): string {
  return durationMs < 10_000
    ? `${Math.round(durationMs)} ms`
    : `${(durationMs / 1000).toFixed(1)} s`
}

const marks: Readonly<Record<ModuleChangeView['kind'], string>> = {
  added: '+',
  replaced: '↻',
  removed: '−',
}

const versions = ({ kind, from, to }: ModuleChangeView): string => {
  if (kind !== 'replaced') return (kind === 'added' ? to : from) ?? ''
  if (from === to) return to ?? ''
  return `${from ?? '?'} → ${to ?? '?'}`
}

const routes = ({ routesAdded, routesRemoved }: ModuleChangeView): string => {
  const counts = [
    ...(routesAdded > 0 ? [`+${routesAdded}`] : []),
    ...(routesRemoved > 0 ? [`−${routesRemoved}`] : []),
  ]
  if (counts.length === 0) return ''
  const last = routesRemoved > 0 ? routesRemoved : routesAdded
  return `${counts.join(' ')} ${last === 1 && counts.length === 1 ? 'route' : 'routes'}`
}

/** `+2 −1 ~1 routes`; empty where there are none. */
const counted = (noun: string, added: number, removed: number, changed: number): string => {
  const total = added + removed + changed
  if (total === 0) return ''
  const counts = [
    ...(added > 0 ? [`+${added}`] : []),
    ...(removed > 0 ? [`−${removed}`] : []),
    ...(changed > 0 ? [`~${changed}`] : []),
  ]
  return `${counts.join(' ')} ${noun}${total === 1 ? '' : 's'}`
}

const owned = (change: OwnerChangeView): string => {
  const { routesAdded, routesRemoved, routesChanged } = change
  const { upstreams, upstreamsAdded, upstreamsRemoved } = change
  const upstreamsChanged = upstreams - upstreamsAdded - upstreamsRemoved
  return [
    counted('route', routesAdded, routesRemoved, routesChanged),
    counted('upstream', upstreamsAdded, upstreamsRemoved, upstreamsChanged),
  ]
    .filter((part) => part !== '')
    .join('  ')
}

/**
 * One line for each module of an applied revision: `↻ users 1.2.0 → 1.3.0  +2 −1 routes  14 ms  1 draining`; and for
 * each owner of other routes: `~ admin  +2 routes  revision 7  3 ms`.
 */
export function printChange(
  { revision, modules, owners, durationMs }: ChangeView,
  paint: Paint,
): string {
  const others = owners.map((change) => {
    const name = `${paint('green', '~')} ${paint('bold', plainLine(change.owner))}`
    const parts = [
      name,
      owned(change),
      `revision ${revision}`,
      paint('dim', printDuration(durationMs)),
    ]
    return `${parts.filter((part) => part !== '').join('  ')}\n`
  })
  const lines = modules.map((change) => {
    const { module, kind, draining } = change
    const mark = paint(kind === 'removed' ? 'yellow' : 'green', marks[kind])
    const name = `${mark} ${paint('bold', plainLine(module))} ${plainLine(versions(change))}`
    const parts = [
      name.trimEnd(),
      routes(change),
      paint('dim', printDuration(durationMs)),
      draining > 0 ? paint('yellow', `${draining} draining`) : '',
    ]
    return `${parts.filter((part) => part !== '').join('  ')}\n`
  })
  return [...lines, ...others].join('')
}

/** One line when a replaced version has ended: `· users 1.2.0 drained  810 ms`. */
export function printRetirement(retirement: RetirementView, paint: Paint): string {
  const { module, version, durationMs } = retirement
  const name = plainLine(version === undefined ? module : `${module} ${version}`)
  return paint('dim', `· ${name} drained  ${printDuration(durationMs)}`) + '\n'
}

/** One line for a step of a rollout: `⇄ users  running: weight 10  revision 4`. */
export function printStep({ author, reason, number }: StepView, paint: Paint): string {
  const name = paint('bold', plainLine(author.slice(author.indexOf(':') + 1)))
  return `${paint('green', '⇄')} ${name}  ${plainLine(reason)}  ${paint('dim', `revision ${number}`)}\n`
}
