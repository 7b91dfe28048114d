// What each filter costs one exchange, in process around a target that answers at once; and what ten thousand rules of one
// place cost a look-up beside one.
import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'
import type { Facts } from '../../src/core/route/facts.ts'
import type { Filter } from '../../src/core/route/filter.ts'
import { findServing } from '../../src/core/route/find.ts'
import { noSelection, plainRoute, type Predicate, type Route } from '../../src/core/route/route.ts'
import { addRoutes, emptyTable, type Table } from '../../src/core/route/table.ts'
import { Reply } from '../../src/gateway/reply.ts'
import type { Handler } from '../../src/gateway/snapshot.ts'
import { samples } from '../../test/gateway/filters/samples.ts'
import { around, openExchange, openUpstreams } from '../../test/gateway/filters/support.ts'

const rounds = Number(process.argv[2] ?? 7)
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

const routeOf = (at: number, predicate: Predicate): Route => ({
  ...plainRoute('admin', `r${at}`, 'GET', '/a', { kind: 'uri', uri: 'http://a.test' }),
  selection: { ...noSelection, predicates: [predicate] },
})
const rules: readonly (readonly [
  string,
  (at: number) => Predicate,
  (at: number) => Record<string, string>,
])[] = [
  [
    'host',
    (at) => ({ kind: 'host', patterns: [`h${at}.test`] }),
    (at) => ({ host: `h${at}.test` }),
  ],
  [
    'header',
    (at) => ({ kind: 'header', name: 'x-a', equals: `${at}`, matches: null }),
    (at) => ({ 'x-a': `${at}` }),
  ],
]

/** Microseconds of one look-up, for requests that come to all of the routes in turn. */
function lookUpTime(table: Table, facts: readonly Facts[]): number {
  const begin = performance.now()
  const count = 200_000
  for (let at = 0; at < count; at += 1) {
    const asked = facts[(at * 7_919) % facts.length]!
    if (findServing(table.router, 'GET', '/a', {}, asked, () => 0).kind !== 'match')
      throw new Error('nobody serves')
  }
  return ((performance.now() - begin) * 1000) / count
}

const size = 10_000
console.log('')
for (const [kind, predicateOf, headersOf] of rules) {
  const tableFor = (count: number): Table =>
    addRoutes(
      emptyTable,
      Array.from({ length: count }, (_, at) => routeOf(at, predicateOf(at))),
    ).table
  const factsFor = (count: number): readonly Facts[] =>
    Array.from({ length: count }, (_, at) => {
      const headers = headersOf(at)
      return { header: (name) => headers[name], remoteAddress: () => '192.0.2.1', target: '/a' }
    })
  const [one, many] = [tableFor(1), tableFor(size)]
  const [oneFacts, manyFacts] = [factsFor(1), factsFor(size)]
  let [least, most, same] = [Infinity, Infinity, Infinity]
  for (let round = 0; round < rounds; round += 1) {
    least = Math.min(least, lookUpTime(one, oneFacts))
    most = Math.min(most, lookUpTime(many, manyFacts))
    same = Math.min(same, lookUpTime(many, manyFacts.slice(-1)))
  }
  const begin = performance.now()
  let table = emptyTable
  for (let at = 0; at < size; at += 1)
    table = addRoutes(table, [routeOf(at, predicateOf(at))]).table
  const each = ((performance.now() - begin) * 1000) / size
  console.log(
    `${size} rules of one place by ${kind}: ${most.toFixed(2)} us a look-up, one rule ${least.toFixed(2)} us, ratio ${(most / least).toFixed(2)}, for one and the same of them ${(same / least).toFixed(2)}; put in one by one ${each.toFixed(1)} us each`,
  )
}
