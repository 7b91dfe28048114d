import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReadingsWriter, seriesOf } from '../../../src/core/metrics/series.ts'
import type { Route } from '../../../src/core/route/route.ts'
import { emptyTable } from '../../../src/core/route/table.ts'
import { ExchangeCounts } from '../../../src/gateway/observe/exchange-counts.ts'
import { openExchange } from '../filters/support.ts'
import { tableWith } from '../../worker/support.ts'

const minute = 60_000
const hour = 60 * minute

const routeOf = (id: string): Route => ({
  id,
  owner: 'admin',
  methods: ['GET'],
  paths: [`/${id}`],
  target: { kind: 'respond', status: 200, headers: {}, body: '' },
  selection: null,
  enabled: true,
  metadata: null,
  definition: null,
  revision: 0,
})

/** Has a route serve an exchange that ends with a status. */
function serve(counts: ExchangeCounts, route: Route | null, now: number, version = ''): void {
  const { exchange } = openExchange()
  exchange.route = route
  exchange.moduleVersion = version
  exchange.status = 200
  exchange.startedAt = now - 3
  if (route !== null) counts.began()
  counts.ended(exchange, now)
}

const read = (counts: ExchangeCounts, now: number): Readonly<Record<string, number>> => {
  const writer = new ReadingsWriter()
  counts.read(writer, now)
  return Object.fromEntries(
    [...seriesOf(writer.readings())]
      .filter(([name, labels]) => name === 'turnout_exchanges_total' && labels[2] === '2xx')
      .map(([, [route, version], [value]]) => [`${route} ${version}`.trim(), value!]),
  )
}

test('an exchange counts for its route and the version that served it, whatever object the route is', () => {
  const counts = new ExchangeCounts(() => emptyTable)
  serve(counts, routeOf('a'), 1)
  serve(counts, routeOf('a'), 2)
  const kept = routeOf('b')
  serve(counts, kept, 3, '1.0.0')
  serve(counts, kept, 4, '2.0.0')
  serve(counts, kept, 5, '1.0.0')
  serve(counts, null, 6)
  assert.deepEqual(read(counts, 7), { '': 1, a: 2, 'b 1.0.0': 2, 'b 2.0.0': 1 })
})

test('rows beyond the most are counted together, until one that left the table was idle for an hour', () => {
  const counts = new ExchangeCounts(() => emptyTable, 2)
  const [a, b, c] = [routeOf('a'), routeOf('b'), routeOf('c')]
  serve(counts, a, 1)
  serve(counts, b, 1)
  for (let at = 0; at < 5; at += 1) serve(counts, c, 2)
  assert.deepEqual(read(counts, 20_000), { a: 1, b: 1, other: 5 })
  serve(counts, a, 50 * minute)
  assert.deepEqual(read(counts, 50 * minute), { a: 2, b: 1, other: 5 })
  // Neither is in the table; `a` was served since.
  serve(counts, c, hour + minute)
  assert.deepEqual(read(counts, hour + minute), { a: 2, other: 5, c: 1 })
  serve(counts, c, hour + 2 * minute)
  // What was forgotten begins anew.
  serve(counts, b, hour + 2 * minute)
  assert.deepEqual(read(counts, hour + 3 * minute), { a: 2, other: 6, c: 2 })
})

test('a row of a route that the table has stays, however long nobody asks for it', () => {
  const kept = routeOf('kept')
  const table = tableWith([], [kept])
  const counts = new ExchangeCounts(() => table)
  serve(counts, kept, 1)
  serve(counts, routeOf('gone'), 1)
  assert.deepEqual(read(counts, 2 * minute), { kept: 1, gone: 1 })
  assert.deepEqual(read(counts, 5 * hour), { kept: 1 })
})
