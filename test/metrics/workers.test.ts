import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ask, makeFolder } from '../hot/support/served.ts'
import { freePort } from '../road/support/instance.ts'
import { kill, startSupervised, type Supervised } from '../supervisor/support.ts'
import { serving, startedLoad } from '../supervisor/under-load.ts'
import { until } from '../worker/support.ts'
import { metricTable } from '../../src/core/metrics/metric-table.ts'
import { openMetrics, samplesOf, sumOf, type Sample } from './support.ts'

const scrape = async ({ send }: Supervised): Promise<readonly Sample[]> =>
  samplesOf((await send('GET', '/metrics')).text)

const counters = new Set<string>(
  Object.entries(metricTable).flatMap(([name, { type }]) =>
    type === 'counter'
      ? [name]
      : type === 'histogram'
        ? [`${name}_bucket`, `${name}_sum`, `${name}_count`]
        : [],
  ),
)

/** Series that only grow, by name and labels. */
const grown = (samples: readonly Sample[]): ReadonlyMap<string, number> =>
  new Map(
    samples
      .filter(({ name }) => counters.has(name))
      .map(({ name, labels, value }) => [JSON.stringify([name, labels]), value]),
  )

test('no counter goes back while workers are killed under load, and what they had told stays', async (t) => {
  const folder = makeFolder(t, { 'serving.js': serving(1) })
  const instance = await startSupervised(t, folder, 2)
  await instance.whole(2)
  const load = startedLoad(t, instance.port)
  const seen: ReadonlyMap<string, number>[] = []
  const over = new AbortController()
  const scraping = (async () => {
    while (!over.signal.aborted) {
      seen.push(grown(await scrape(instance)))
      await delay(30)
    }
  })()
  for (let round = 0; round < 3; round += 1) {
    await delay(300)
    const before = sumOf(await scrape(instance), 'turnout_exchanges_total')
    const [victim] = await instance.workers()
    kill(victim!.pid)
    await instance.whole(2, [victim!.pid])
    assert.ok(sumOf(await scrape(instance), 'turnout_exchanges_total') >= before)
  }
  over.abort()
  await scraping
  await load.stop()
  assert.ok(seen.length > 10)
  for (const [at, one] of seen.entries())
    for (const [series, value] of seen[at - 1] ?? [])
      assert.ok(
        (one.get(series) ?? -1) >= value,
        `${series} went from ${value} to ${one.get(series)}`,
      )
  const last = await scrape(instance)
  assert.equal(sumOf(last, 'turnout_worker_restarts_total', { reason: 'ended' }), 3)
  assert.equal(sumOf(last, 'turnout_workers', { state: 'serving' }), 2)
})

test('a worker that is blocked holds up no scrape: its last numbers are told again, and that it is late', async (t) => {
  const folder = makeFolder(t, {
    'blocks.js': `export default { version: '1.0.0', register(routes) {
      routes.get('/fine', (c) => c.text('fine'))
      routes.get('/blocks', (c) => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_500)
        return c.text('done')
      })
    } }`,
  })
  const instance = await startSupervised(t, folder, 1)
  for (let at = 0; at < 5; at += 1) await instance.ask('/fine')
  const before = await scrape(instance)
  assert.equal(sumOf(before, 'turnout_exchanges_total'), 5)
  assert.equal(sumOf(before, 'turnout_readings_late_total'), 0)
  let isBlocked = true
  const blocking = instance.ask('/blocks').then((answer) => {
    isBlocked = false
    return answer
  })
  await delay(100)
  const during = await scrape(instance)
  assert.ok(isBlocked, 'the scrape waited for the worker')
  assert.equal(sumOf(during, 'turnout_exchanges_total'), 5)
  assert.equal(sumOf(during, 'turnout_readings_late_total', { worker: '1' }), 1)
  assert.ok(sumOf(during, 'turnout_readings_age_seconds', { worker: '1' }) >= 1)
  assert.ok(sumOf(during, 'turnout_resident_memory_bytes', { worker: '1' }) > 0)
  assert.equal((await blocking).text, 'done')
  await until('its numbers did not come back', async () => {
    const after = await scrape(instance)
    return sumOf(after, 'turnout_exchanges_total') === 6
  })
})

test('who scrapes at once shares what is read, and each sees what was answered before', async (t) => {
  const folder = makeFolder(t, { 'serving.js': serving(1) })
  const instance = await startSupervised(t, folder, 1)
  for (let round = 1; round <= 5; round += 1) {
    await instance.ask('/serving')
    const all = await Promise.all(Array.from({ length: 8 }, () => scrape(instance)))
    for (const samples of all) assert.equal(sumOf(samples, 'turnout_exchanges_total'), round)
  }
})

test('the listener for probes answers metrics where its owner says so, whoever asks, and however often', async (t) => {
  const folder = makeFolder(t, { 'serving.js': serving(1) })
  const health = await freePort()
  const words = ['--health', `127.0.0.1:${health}`, '--health-metrics']
  const instance = await startSupervised(t, folder, 1, { words })
  await instance.ask('/serving')
  const all = await Promise.all(Array.from({ length: 50 }, () => ask(health, '/metrics')))
  for (const { status, text } of all) {
    assert.equal(status, 200)
    assert.equal(text, all[0]!.text)
  }
  assert.equal(sumOf(samplesOf(all[0]!.text), 'turnout_exchanges_total'), 1)
  const { headers } = await ask(health, '/metrics', { accept: openMetrics })
  assert.match(String(headers['content-type']), /^application\/openmetrics-text/)
})

test('metrics that are off are 404, and nothing is counted', async (t) => {
  const folder = makeFolder(t, { 'serving.js': serving(1) })
  const beside = makeFolder(t, { 'turnout.config.json': JSON.stringify({ metrics: false }) })
  const words = ['--config', `${beside}/turnout.config.json`]
  const instance = await startSupervised(t, folder, 1, { words })
  assert.equal((await instance.ask('/serving')).status, 200)
  const { status, body } = await instance.send('GET', '/metrics')
  assert.deepEqual([status, body.code], [404, 'TURNOUT_METRICS_OFF'])
})
