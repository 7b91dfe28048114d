import { plainLine } from '../core/plain-text.ts'
import type { ResourceEvent } from '../core/protect/resources.ts'
import type { Paint } from './colour.ts'

const isShare = (resource: ResourceEvent['resource']): boolean =>
  resource === 'openFiles' || resource === 'heap'

const whereOf = (event: ResourceEvent): string => {
  if (event.resource === 'exchange') return ` (${event.method} ${event.route})`
  if (event.resource === 'connection') return ` (${event.upstream}: ${event.label})`
  if (event.resource === 'waiting') return ` (${event.upstream ?? 'worker'})`
  return ''
}

/** `! heap over: 91 % of 85 % (worker 2)`. */
export function printResource(event: ResourceEvent, paint: Paint): string {
  const { resource, level, value, threshold, worker } = event
  const text = (of: number): string =>
    isShare(resource) ? `${Math.round(of * 100)} %` : `${Math.round(of)} ms`
  const by = worker === null ? '' : `, worker ${worker}`
  const mark = level === 'over' ? paint('red', '!') : '·'
  const line = `${resource}${whereOf(event)} ${level} its threshold: ${text(value)} (${text(threshold)}${by})`
  return `${mark} ${plainLine(line)}\n`
}
