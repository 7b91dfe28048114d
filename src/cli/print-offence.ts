import { plainLine } from '../core/plain-text.ts'
import type { Offence } from '../worker/containment/offence.ts'
import type { Paint } from './colour.ts'

/** `✗ users 1.1.0  loop: it was broken off after 1020 ms (GET /users)`. */
export function printOffence(offence: Offence, paint: Paint): string {
  const { module, version, kind, detail, count, exchange } = offence
  const whose = module === null ? 'a module' : `${module} ${version}`
  const times = count === 1 ? '' : `, ${count} times`
  const during = exchange === null ? '' : ` (${exchange.method} ${plainLine(exchange.path)})`
  return `${paint('red', '✗')} ${paint('bold', plainLine(whose))}  ${kind}${times}: ${plainLine(detail)}${during}\n`
}
