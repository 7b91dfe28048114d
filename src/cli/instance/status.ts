import type { Item, StatusAnswer } from '../../admin/answers.ts'
import { plainLine } from '../../core/plain-text.ts'
import { count } from '../align.ts'
import type { Paint } from '../colour.ts'
import { exitCodes } from '../commands.ts'
import { printEvent } from '../print-json.ts'
import type { InstanceOptions } from './commands.ts'
import { demand, withInstance } from './reach.ts'
import { textOf } from './route-text.ts'
import { printRetired } from './print-retired.ts'
import { printUpstreams } from './upstreams.ts'
import { printUptime } from './uptime.ts'

/** Upstreams that `status` shows. */
const mostRows = 20

/** `status`: what the instance serves and how it is; exit code 1 when it should not be sent requests. */
export function status(options: InstanceOptions): Promise<number> {
  const { terminal, json } = options
  return withInstance(options, async (client, { url }) => {
    const { body } = await demand(client.status())
    if (json) terminal.out(printEvent({ event: 'status', url, ...body }))
    else {
      const { body: page } = await demand(client.listUpstreamStatus({ query: { limit: mostRows } }))
      const table =
        page.items.length === 0 ? '' : `\n${printUpstreams(page.items, terminal.paintOut)}`
      const more = page.next === null ? '' : 'more: turnout upstreams\n'
      terminal.out(printStatus(url, body, Date.now(), terminal.paintOut) + table + more)
    }
    return body.isReady ? exitCodes.ok : exitCodes.failed
  })
}

/** One row for each thing that an operator asks for first; rows that have nothing to say are left out. */
export function printStatus(url: string, answer: StatusAnswer, now: number, paint: Paint): string {
  const { revision, digest, isReady } = answer
  const list = (name: string): readonly unknown[] => {
    const value = answer[name]
    return Array.isArray(value) ? value : []
  }
  const text = (name: string): string | null => {
    const value = answer[name]
    return typeof value === 'string' || typeof value === 'number' ? String(value) : null
  }
  const startedAt = Date.parse(text('startedAt') ?? '')
  const counts = (['route', 'upstream', 'module'] as const)
    .map((noun) => count(Number(text(`${noun}s`)), noun))
    .join(', ')
  const draining = list('draining').map((one) => {
    const { module, version, exchanges } = one as Item
    return `${textOf(module)} ${textOf(version)} (${textOf(exchanges)} in flight)`
  })
  const retired = list('retired').map((one) => printRetired(one as Item, now, paint))
  const rollouts = list('rollouts').map((one) => {
    const [id, stable, canary, state, steps, weight] = [
      'id',
      'stable',
      'canary',
      'status',
      'steps',
      'weight',
    ].map((key) => textOf((one as Item)[key]))
    const step = Math.min(Number((one as Item)['step']) + 1, Number(steps))
    return `${id} ${stable} → ${canary} (${state}, step ${step} of ${steps}, ${weight} %)`
  })
  const sources = list('sources').map((one) => {
    const [owner, connection, value] = ['owner', 'connection', 'value'].map((key) =>
      textOf((one as Item)[key]),
    )
    return `${owner} (${connection}, ${value})`
  })
  const workers = list('workers').map((one) => {
    const [pid, state, revision] = ['pid', 'state', 'revision'].map((key) =>
      textOf((one as Item)[key]),
    )
    const at =
      state === 'serving' && revision === String(answer.revision)
        ? ''
        : ` (${state}, revision ${revision})`
    return `${pid}${at}`
  })
  const ready = isReady
    ? paint('green', 'ready')
    : `${paint('red', 'not ready')}: ${plainLine(list('reasons').join('; '))}`
  const row = (name: string, value: string | null): string =>
    value === null || value === '' ? '' : `${paint('dim', name.padEnd(9))}  ${value}\n`
  const plain = (value: string | null): string | null => value && plainLine(value)
  return [
    row('instance', plain(url)),
    row('state', ready),
    row('revision', paint('bold', String(revision))),
    row('digest', plain(digest)),
    row('uptime', Number.isNaN(startedAt) ? null : printUptime(now - startedAt)),
    row('serves', plain(counts)),
    row('listens', plain(list('listeners').join(', '))),
    row('workers', plain(workers.join(', '))),
    row('store', plain(text('store'))),
    row('diverged', plain(list('diverged').join(', '))),
    row('sources', plain(sources.join(', '))),
    row('not live', plain(list('notLive').join(', '))),
    row('rollouts', plain(rollouts.join(', '))),
    row('draining', plain(draining.join(', '))),
    row('recovered', plain(text('recovered'))),
    retired.length === 0 ? '' : row('retired', retired.join(`\n${' '.repeat(11)}`)),
  ].join('')
}
