import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { makeFolder, save } from '../hot/support/served.ts'
import { startLoad } from '../load/load.ts'
import { lossOf } from '../load/report.ts'
import { publish, startSupervised, type Supervised } from '../supervisor/support.ts'
import { serving, told } from '../supervisor/under-load.ts'
import { samplesOf, sumOf, type Sample } from './support.ts'

const scrape = async ({ send }: Supervised): Promise<readonly Sample[]> => {
  const { status, text } = await send('GET', '/metrics')
  assert.equal(status, 200, text)
  return samplesOf(text)
}

const groups = [
  { name: 'kept', loops: 6, isKeptAlive: true, paths: ['/serving', '/later'], expects: 'status' },
  { name: 'once', loops: 2, isKeptAlive: false, paths: ['/serving'], expects: 'status' },
] as const

for (const count of [0, 1, 2])
  test(`${count === 0 ? 'one process' : `${count} workers`}: counts agree with the client's to the request, across a restart and changes under load`, async (t) => {
    const folder = makeFolder(t, { 'serving.js': serving(1) })
    const instance = await startSupervised(t, folder, count)
    const before = count === 0 ? [] : await instance.whole(count)
    const load = startLoad({ port: instance.port, durationMs: 60_000, groups })
    t.after(() => load.stop().catch(() => undefined))
    await delay(700)
    // Also in the middle nothing is counted that was not asked for.
    const middle = await scrape(instance)
    await publish(instance, 'one')
    const from = instance.events.length
    save(folder, 'serving.js', serving(2))
    await instance.next(({ event }) => event === 'applied', from)
    if (count > 0) {
      const restarted = await instance.send('POST', '/api/workers/restart')
      assert.equal(restarted.status, 200, restarted.text)
      await instance.whole(
        count,
        before.map(({ pid }) => pid),
      )
    }
    await publish(instance, 'two')
    await delay(500)
    const report = await load.stop()
    assert.equal(lossOf(report), 0, told(report))
    const samples = await scrape(instance)
    const sum = (name: string, labels: Sample['labels'] = {}): number =>
      sumOf(samples, name, labels)
    assert.deepEqual(
      {
        answered: sum('turnout_exchanges_total', { class: '2xx' }),
        all: sum('turnout_exchanges_total'),
        measured: sum('turnout_exchange_duration_seconds_count'),
        inFlight: sum('turnout_exchanges_in_flight'),
        refused: sum('turnout_listener_refusals_total'),
      },
      {
        answered: report.completed,
        all: report.sent,
        measured: report.sent,
        inFlight: 0,
        refused: 0,
      },
    )
    const versions = new Set(
      samples
        .filter(({ name, value }) => name === 'turnout_exchanges_total' && value > 0)
        .map(({ labels }) => labels['version']),
    )
    assert.deepEqual([...versions].sort(), ['1.0.0', '2.0.0'])
    const inMiddle = sumOf(middle, 'turnout_exchanges_total')
    assert.ok(inMiddle > 0 && inMiddle < report.sent)
    assert.equal(sum('turnout_worker_restarts_total', { reason: 'replaced' }), count)
    t.diagnostic(`${report.sent} requests`)
  })

test('every class is counted as its client saw it', async (t) => {
  const folder = makeFolder(t, {
    'classes.js': `export default { version: '1.0.0', register(routes) {
      routes.get('/status/:code', (c) => c.status(Number(c.param('code'))).text(''))
      routes.get('/throws', () => { throw new Error('on purpose') })
      routes.get('/late', async (c) => {
        await new Promise((resume) => setTimeout(resume, 500))
        return c.text('late')
      })
      routes.get('/never', () => new Promise(() => {}))
      routes.get('/breaks', (c) => c.stream((async function* () { yield 'a'; throw new Error('on purpose') })()))
    } }`,
  })
  const instance = await startSupervised(t, folder, 1)
  const { port } = instance
  const wanted = { 200: 5, 204: 2, 302: 3, 404: 4, 503: 6 }
  for (const [status, times] of Object.entries(wanted))
    for (let at = 0; at < times; at += 1) await instance.ask(`/status/${status}`)
  for (let at = 0; at < 3; at += 1) await instance.ask('/throws')
  for (let at = 0; at < 2; at += 1) await instance.ask(`/nowhere/${at}`)
  for (let at = 0; at < 2; at += 1) {
    const leaving = new AbortController()
    const asked = fetch(`http://127.0.0.1:${port}/never`, { signal: leaving.signal })
    await until(async () => sumOf(await scrape(instance), 'turnout_exchanges_in_flight') === at + 1)
    leaving.abort()
    await assert.rejects(asked)
  }
  const leaving = new AbortController()
  const late = fetch(`http://127.0.0.1:${port}/late`, { signal: leaving.signal })
  await until(async () => sumOf(await scrape(instance), 'turnout_exchanges_in_flight') === 3)
  leaving.abort()
  await assert.rejects(late)
  await until(async () => sumOf(await scrape(instance), 'turnout_exchanges_in_flight') === 2)
  await assert.rejects(fetch(`http://127.0.0.1:${port}/breaks`).then((answer) => answer.text()))
  const raw = await fetch(`http://127.0.0.1:${port}/status/200`, {
    headers: { expect: 'x' },
  }).catch(() => null)
  assert.notEqual(raw?.status, 200)

  const samples = await scrape(instance)
  const of = (end: string, name: string): number =>
    samples
      .filter((one) => one.name === 'turnout_exchanges_total' && one.labels['class'] === name)
      .filter(({ labels }) => labels['route']!.endsWith(end))
      .reduce((sum, { value }) => sum + value, 0)
  assert.deepEqual(
    ['2xx', '3xx', '4xx', '5xx'].map((name) => of('/status/:code', name)),
    [7, 3, 4, 6],
  )
  assert.equal(of('/throws', '5xx'), 3)
  assert.equal(of('/breaks', 'cut'), 1)
  assert.equal(of('/late', 'left'), 1)
  assert.equal(sumOf(samples, 'turnout_exchanges_total', { class: 'left' }), 1)
  assert.equal(sumOf(samples, 'turnout_exchanges_total', { route: '', class: '4xx' }), 2)
  // Handlers that never end are in flight until somebody cuts them.
  assert.equal(sumOf(samples, 'turnout_exchanges_in_flight'), 2)
})

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await delay(20)
}
