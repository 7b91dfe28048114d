import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Histogram } from '../../../src/core/metrics/histogram.ts'
import { metricNames, metricTable, widthOf } from '../../../src/core/metrics/metric-table.ts'
import {
  labelText,
  ReadingsWriter,
  seriesOf,
  type Readings,
} from '../../../src/core/metrics/series.ts'
import { Totals } from '../../../src/core/metrics/totals.ts'

const hour = 60 * 60_000

type Row = readonly [name: 'turnout_exchanges_total', labels: readonly string[], value: number]

const reading = (...rows: readonly Row[]): Readings => {
  const writer = new ReadingsWriter()
  for (const [name, labels, value] of rows) writer.add(name, labels, value)
  return writer.readings()
}

const exchanges = (route: string, value: number, version = ''): Row => [
  'turnout_exchanges_total',
  [route, version, '2xx'],
  value,
]

const counted = (totals: Totals<string>): Readonly<Record<string, number>> =>
  Object.fromEntries(
    [...seriesOf(totals.merged())].map(([, labels, values]) => [labels.join(' '), values[0]!]),
  )

test('what processes counted adds up, and stays when one ends', () => {
  const totals = new Totals<string>()
  totals.take('one', reading(exchanges('/a', 3)), 0)
  totals.take('two', reading(exchanges('/a', 4), exchanges('/b', 1)), 0)
  assert.deepEqual(counted(totals), { '/a  2xx': 7, '/b  2xx': 1 })
  totals.take('one', reading(exchanges('/a', 10)), 1)
  totals.forget('one')
  assert.deepEqual(counted(totals), { '/a  2xx': 14, '/b  2xx': 1 })
  totals.take('three', reading(exchanges('/a', 2)), 2)
  assert.deepEqual(counted(totals), { '/a  2xx': 16, '/b  2xx': 1 })
})

test('the same reading twice counts once', () => {
  const totals = new Totals<string>()
  for (const at of [0, 1, 2]) totals.take('one', reading(exchanges('/a', 3)), at)
  assert.deepEqual(counted(totals), { '/a  2xx': 3 })
})

test('a row that its process had forgotten counts on when it comes again', () => {
  const totals = new Totals<string>()
  totals.take('one', reading(exchanges('/a', 5)), 0)
  totals.take('one', reading(), 1)
  assert.deepEqual(counted(totals), { '/a  2xx': 5 })
  totals.take('one', reading(exchanges('/a', 2)), 2)
  assert.deepEqual(counted(totals), { '/a  2xx': 7 })
  // Forgotten and there again between two readings.
  totals.take('one', reading(exchanges('/a', 1)), 3)
  assert.deepEqual(counted(totals), { '/a  2xx': 8 })
})

test('histograms add up bucket by bucket', () => {
  const totals = new Totals<string>()
  const bounds = metricTable.turnout_exchange_duration_seconds.buckets!
  for (const process of ['one', 'two']) {
    const writer = new ReadingsWriter()
    const histogram = new Histogram(bounds)
    for (const value of [0.001, 0.0011, 11]) histogram.record(value)
    writer.addAll('turnout_exchange_duration_seconds', ['/a'], histogram.values)
    totals.take(process, writer.readings(), 0)
  }
  const [[, labels, values] = assert.fail()] = [...seriesOf(totals.merged())]
  assert.deepEqual(labels, ['/a'])
  assert.deepEqual([...values.slice(0, 2), values[bounds.length]], [2, 2, 2])
  assert.ok(Math.abs(values[bounds.length + 1]! - 22.0042) < 1e-9)
})

test('beyond the most rows everything is counted as other, and nothing is lost', () => {
  const totals = new Totals<string>(2)
  const rows = ['/a', '/b', '/c', '/d'].map((route) => exchanges(route, 1))
  totals.take('one', reading(...rows), 0)
  assert.deepEqual(counted(totals), { '/a  2xx': 1, '/b  2xx': 1, 'other  2xx': 2 })
  totals.take('two', reading(exchanges('/d', 5, '1.0.0')), 0)
  assert.deepEqual(counted(totals), { '/a  2xx': 1, '/b  2xx': 1, 'other  2xx': 7 })
})

test('a row that nobody tells any more is forgotten after an hour, and gives its place to another', () => {
  const totals = new Totals<string>(1)
  totals.take('one', reading(exchanges('/a', 1)), 0)
  totals.take('one', reading(), hour / 2)
  totals.take('one', reading(), hour)
  assert.deepEqual(counted(totals), { '/a  2xx': 1 })
  totals.take('one', reading(), hour * 1.2)
  assert.deepEqual(counted(totals), {})
  totals.take('one', reading(exchanges('/b', 1)), hour * 1.3)
  assert.deepEqual(counted(totals), { '/b  2xx': 1 })
})

test('gauges are those of now: they add up, or the largest counts, and go with their process', () => {
  const totals = new Totals<string>()
  const told = (open: number, unhealthy: number, rss: number, worker: string): Readings => {
    const writer = new ReadingsWriter()
    writer.add('turnout_connections_open', [], open)
    writer.add('turnout_upstream_endpoints', ['pool', 'unhealthy'], unhealthy)
    writer.add('turnout_resident_memory_bytes', [worker], rss)
    return writer.readings()
  }
  totals.take('one', told(3, 1, 100, '1'), 0)
  totals.take('two', told(4, 2, 200, '2'), 0)
  const all = { '': 7, 'pool unhealthy': 2, '1': 100, '2': 200 }
  assert.deepEqual(counted(totals), all)
  // One that is replaced does not speak for its place.
  totals.take('leaving', told(1, 0, 999, '2'), 0)
  const merged = [...seriesOf(totals.merged((process) => process !== 'leaving'))]
  assert.deepEqual(
    Object.fromEntries(merged.map(([, labels, values]) => [labels.join(' '), values[0]])),
    { ...all, '': 8 },
  )
  totals.forget('leaving')
  totals.forget('two')
  assert.deepEqual(counted(totals), { '': 3, 'pool unhealthy': 1, '1': 100 })
})

test('a label is a text that UTF-8 can write, and not too long', () => {
  assert.equal(labelText('/grüße 🚋'), '/grüße 🚋')
  assert.equal(labelText('a\ud83d'), 'a\ufffd')
  assert.equal(labelText('\ude8ba'), '\ufffda')
  assert.equal(labelText('x'.repeat(200)), 'x'.repeat(200))
  assert.equal(labelText('x'.repeat(201)), `${'x'.repeat(199)}…`)
  assert.equal(labelText(`${'x'.repeat(198)}🚋${'y'.repeat(9)}`), `${'x'.repeat(198)}\ufffd…`)
})

for (const name of metricNames) {
  const { type, help, labels, buckets, merge, bounded = 0 } = metricTable[name]
  test(`${name} is named as its type asks`, () => {
    assert.match(name, /^turnout(_[a-z]+)+$/)
    assert.equal(name.endsWith('_total'), type === 'counter')
    assert.equal(buckets !== undefined, type === 'histogram')
    assert.ok(type === 'gauge' || merge === undefined)
    assert.ok(bounded <= labels.length)
    assert.ok(labels.every((label) => /^[a-z_]+$/.test(label) && label !== 'le'))
    assert.match(help, /^[^"\\\n]+\.$/)
    assert.equal(widthOf(metricTable[name]), buckets === undefined ? 1 : buckets.length + 2)
    assert.deepEqual(
      [...(buckets ?? [])],
      [...(buckets ?? [])].sort((one, other) => one - other),
    )
  })
}
