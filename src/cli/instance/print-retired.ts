import type { Item } from '../../admin/answers.ts'
import type { Holder, Leak } from '../../core/leak.ts'
import { plainLine } from '../../core/plain-text.ts'
import { count } from '../align.ts'
import type { Paint } from '../colour.ts'
import { textOf } from './route-text.ts'
import { printUptime } from './uptime.ts'

/** `timer setInterval at /srv/routes/users.ts:12:3 (3 times)`. */
function printHolder({ kind, what, at, count: times }: Holder): string {
  const place = at === null ? '' : ` at ${at}`
  return plainLine(`${kind} ${what}${place}${times === 1 ? '' : ` (${times} times)`}`)
}

/** A version that was disposed of, and below it what holds it. */
export function printRetired(item: Item, now: number, paint: Paint): string {
  const { module, version, state, disposedAt, collections } = item
  const holders = (item['holders'] ?? []) as readonly unknown[] as readonly Holder[]
  const since = printUptime(now - Date.parse(textOf(disposedAt)))
  const seen = count(Number(collections), 'collection')
  const told = state === 'leaked' ? paint('red', 'leaked') : textOf(state)
  const head = `${plainLine(`${textOf(module)} ${textOf(version)}`)} (${told}, ${since}, ${seen})`
  return [head, ...holders.map((holder) => `  ${printHolder(holder)}`)].join(`\n${' '.repeat(11)}`)
}

/** `✗ users 1.0.0 is still held: a socket is still open ...`, and below it by what. */
export function printLeak({ module, version, reason, holders }: Leak, paint: Paint): string {
  const whose = paint('bold', plainLine(`${module} ${version}`))
  const lines = holders.map((holder) => `    ${printHolder(holder)}\n`)
  return `${paint('red', '✗')} ${whose}  leaked: ${plainLine(reason)}\n${lines.join('')}`
}
