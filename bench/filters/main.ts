// What each filter costs one exchange, in process around a target that answers at once; and what ten thousand rules of one
// place cost a look-up, and a request over HTTP, beside one: `main.js [ROUNDS] [--only filters,look-ups,http] [--seconds N]`.
import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import type { Filter } from '../../src/core/route/filter.ts'
import { Reply } from '../../src/gateway/reply.ts'
import type { Handler } from '../../src/gateway/snapshot.ts'
import { samples } from '../../test/gateway/filters/samples.ts'
import { around, openExchange, openUpstreams } from '../../test/gateway/filters/support.ts'
import { ruleLookUps } from './look-ups.ts'
import { rulesOverHttp } from './over-http.ts'

const { values, positionals } = parseArgs({
  options: {
    only: { type: 'string', default: 'filters,look-ups,http' },
    seconds: { type: 'string', default: '2' },
  },
  allowPositionals: true,
})
const rounds = Number(positionals[0] ?? 7)
const only = new Set(values.only.split(','))
const calls = 2_000
const parts = 5

/** They call another upstream, or code of a module. */
const left: readonly string[] = ['mirror', 'module']

console.log(`${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, Node ${process.version}`)

const target: Handler = () =>
  new Reply(200, ['content-type', 'text/plain', 'x-answer', 'a', 'server', 'a'], 'ok')
const upstreams = openUpstreams()

/** Microseconds of one call; its exchange was made before. */
async function timeOf(handler: Handler): Promise<number> {
  let took = 0
  for (let part = 0; part < parts; part += 1) {
    const exchanges = Array.from({ length: calls }, () => openExchange(request).exchange)
    const begin = performance.now()
    for (const exchange of exchanges) {
      const reply = handler(exchange)
      if (reply instanceof Promise) await reply
    }
    took += performance.now() - begin
  }
  return (took * 1000) / (calls * parts)
}

const request = {
  target: '/a?b=c&removed=1&rewritten=2',
  headers: ['x-sent', '1', 'accept', '*/*', 'user-agent', 'bench'],
}

async function filterTimes(): Promise<void> {
  const kinds = (Object.keys(samples) as Filter['kind'][]).filter((kind) => !left.includes(kind))
  const handlers = new Map<string, Handler>([
    ['none', around([], target, upstreams)],
    ...kinds.map((kind) => [kind, around(samples[kind], target, upstreams)] as const),
  ])
  const best = new Map<string, number>()
  // Each round asks all in turn, so that a slow moment of the machine is no filter's own.
  for (let round = 0; round < rounds; round += 1)
    for (const [kind, handler] of handlers)
      best.set(kind, Math.min(best.get(kind) ?? Infinity, await timeOf(handler)))
  const bare = best.get('none')!
  console.log(
    `\nwithout a filter ${bare.toFixed(2)} us; a filter adds, at its best of ${rounds} rounds:`,
  )
  for (const [kind, time] of best)
    if (kind !== 'none')
      console.log(
        `${kind.padEnd(28)} ${Math.max(0, time - bare)
          .toFixed(2)
          .padStart(6)} us`,
      )
}

const size = 10_000
if (only.has('filters')) await filterTimes()
if (only.has('look-ups')) ruleLookUps(size, rounds)
if (only.has('http')) await rulesOverHttp(size, rounds, Number(values.seconds))
