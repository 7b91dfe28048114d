import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { metricNames, metricTable } from '../../src/core/metrics/metric-table.ts'
import { makeFolder, save } from '../hot/support/served.ts'
import { artifactOf } from '../road/support/artifact.ts'
import { freePort } from '../road/support/instance.ts'
import { startSupervised, type Supervised } from '../supervisor/support.ts'
import { metricsIn, noParser, openMetrics, parsedBy, samplesOf, sumOf } from './support.ts'

/** A server behind the gateway that does as its path says; `/health` as it is told. */
async function openBackEnd(t: TestContext): Promise<{ readonly url: string; isHealthy: boolean }> {
  const state = { url: '', isHealthy: true }
  const server = createServer((request, response) => {
    const { url = '' } = request
    if (url.startsWith('/health')) response.writeHead(state.isHealthy ? 200 : 503).end()
    else if (url.startsWith('/fails')) response.writeHead(500).end()
    else if (url.startsWith('/slow')) setTimeout(() => response.end('slow'), 1_500)
    else if (url.startsWith('/breaks')) {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half')
      setTimeout(() => response.destroy(), 50)
    } else response.end('fine')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close().closeAllConnections())
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return state
}

const held = (version: string): string => `
export default {
  version: '${version}',
  register(routes) {
    routes.get('/held', (c) => c.stream((async function* () {
      yield '${version}'
      await new Promise((resume) => setTimeout(resume, 8_000))
    })()))
    routes.get('/loops', () => { for (;;); })
    routes.get('/blocks', (c) => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500)
      return c.text('done')
    })
    routes.get('/canary', (c) => c.text('${version}'))
  },
}
`

const made = async ({ send }: Supervised, method: string, target: string, body: unknown) => {
  const { status, text } = await send(method, target, { body })
  assert.ok(status < 300, `${method} ${target}: ${text}`)
}

test('a busy instance tells every metric of the table, as it is there, and none else', async (t) => {
  const backEnd = await openBackEnd(t)
  const folder = makeFolder(t, { 'held.js': held('1.0.0') })
  const nobody = `redis://127.0.0.1:${await freePort()}`
  const beside = makeFolder(t, {
    'turnout.config.json': JSON.stringify({
      probation: { durationMs: 1_000, minimumSamples: 1 },
      sources: { redis: { url: nobody } },
    }),
  })
  const words = ['--config', `${beside}/turnout.config.json`]
  const instance = await startSupervised(t, folder, 2, { words })
  const { port, send, ask } = instance
  const texts: string[] = []
  const scrape = async (): Promise<void> => {
    texts.push((await send('GET', '/metrics')).text)
  }
  await scrape()

  // Upstreams: answers of every kind, retries, a breaker, health checks, a connection that is held.
  const pool = {
    name: 'pool',
    endpoints: [{ url: backEnd.url }],
    breaker: {},
    pool: { leakDetectionThresholdMs: 500 },
    outlier: { consecutive5xx: 2, baseEjectionTimeMs: 500, intervalMs: 500 },
    healthCheck: {
      path: '/health',
      intervalMs: 300,
      timeoutMs: 300,
      healthyAfter: 1,
      unhealthyAfter: 1,
    },
  }
  await made(instance, 'POST', '/api/upstreams', pool)
  const forwarded = (id: string, upstream: string, filters: readonly object[]) => ({
    id,
    path: `/${id}`,
    target: { upstream },
    filters,
  })
  await made(instance, 'POST', '/api/upstreams', {
    name: 'nobody',
    endpoints: [{ url: `http://127.0.0.1:${await freePort()}` }],
  })
  const retry = { kind: 'retry', retries: 2, statuses: [500] }
  for (const route of [
    forwarded('fine', 'pool', []),
    forwarded('fails', 'pool', [retry]),
    forwarded('slow', 'pool', []),
    forwarded('breaks', 'pool', []),
    forwarded('nobody', 'nobody', []),
  ])
    await made(instance, 'POST', '/api/routes', route)
  for (const path of ['/fine', '/nobody', '/fails', '/fails', '/fails', '/nowhere']) await ask(path)
  await ask('/breaks').catch(() => undefined)
  await ask('/slow')
  backEnd.isHealthy = false
  await delay(800)
  await scrape()
  backEnd.isHealthy = true
  await made(instance, 'POST', '/api/upstreams/pool/breaker', { state: 'FORCED_OPEN' })
  assert.equal((await ask('/fine')).status, 503)
  await scrape()

  // A change that is rejected, one whose old version is still held, a rollout that is judged.
  const taken = {
    id: 'taken',
    path: '/fine',
    methods: ['GET'],
    target: { respond: { status: 200 } },
  }
  await send('POST', '/api/routes', { body: taken })
  await send('POST', '/api/routes', { body: { ...taken, id: 'taken-too' } })
  const streaming = fetch(`http://127.0.0.1:${port}/held`).catch(() => null)
  await delay(200)
  const from = instance.events.length
  save(folder, 'held.js', held('1.1.0'))
  await instance.next(({ event }) => event === 'applied', from)
  await scrape()
  await made(instance, 'POST', '/api/modules', {
    name: 'users',
    artifact: await artifactOf('users', 1),
  })
  await made(instance, 'POST', '/api/rollouts', {
    name: 'users',
    artifact: await artifactOf('users', 2),
    plan: {
      key: { kind: 'header', name: 'x-user' },
      steps: ['weight 50', 'analysis 2'],
      analysis: {
        conditions: ['errorRate <= stable + 1%'],
        minimumSamples: 1,
        window: '5s',
        interval: '1s',
      },
    },
  })

  // Code that loops, and code that holds its process up while somebody scrapes.
  const looping = ask('/loops')
  assert.equal((await looping).status, 504)
  const blocked = [ask('/blocks'), ask('/blocks'), ask('/blocks'), ask('/blocks')]
  await delay(50)
  await scrape()
  await Promise.all(blocked)

  const missing = (): readonly string[] => {
    const told = new Set(
      texts.flatMap((text) => samplesOf(text).map(({ name }) => name.replace(/_bucket$/, ''))),
    )
    return metricNames.filter((name) => !told.has(name))
  }
  const endsAt = Date.now() + 40_000
  while (missing().length > 0 && Date.now() < endsAt) {
    for (let at = 0; at < 20; at += 1) await ask('/users')
    await delay(500)
    await scrape()
  }
  assert.deepEqual(missing(), [])
  for (const text of texts)
    for (const name of metricsIn(text)) assert.ok(Object.hasOwn(metricTable, name), name)
  const at = texts.flatMap((text) => samplesOf(text))
  const values = (name: string, label: string): readonly string[] => [
    ...new Set(at.filter((one) => one.name === name).map(({ labels }) => labels[label]!)),
  ]
  for (const outcome of ['2xx', '5xx', 'connect'])
    assert.ok(values('turnout_upstream_attempts_total', 'outcome').includes(outcome), outcome)
  const last = samplesOf(texts.at(-1)!)
  const failed = sumOf(last, 'turnout_upstream_attempts_total', {
    upstream: 'pool',
    outcome: '5xx',
  })
  assert.equal(sumOf(last, 'turnout_upstream_retries_total', { upstream: 'pool' }), failed - 3)
  await streaming
})

test(
  "Prometheus' own client library reads what a busy instance tells",
  { skip: noParser ?? false },
  async (t) => {
    const backEnd = await openBackEnd(t)
    const folder = makeFolder(t, { 'held.js': held('1.0.0') })
    const instance = await startSupervised(t, folder, 2)
    const { send, ask } = instance
    await made(instance, 'POST', '/api/upstreams', {
      name: 'pool',
      endpoints: [{ url: backEnd.url }],
    })
    await made(instance, 'POST', '/api/routes', {
      id: 'fine "quoted"',
      path: '/fine',
      target: { upstream: 'pool' },
    })
    for (let round = 0; round < 20; round += 1)
      await ask(['/fine', '/canary', '/nowhere'][round % 3]!)
    for (const form of ['openmetrics', 'prometheus'] as const) {
      const { text } = await send('GET', '/metrics', {
        headers: form === 'openmetrics' ? { accept: openMetrics } : {},
      })
      const families = parsedBy(form, text)
      for (const { name, type, help, samples } of families) {
        // It names a counter without the ending that its samples have.
        const isShort = type === 'counter'
        const metric = metricTable[(isShort ? `${name}_total` : name) as 'turnout_ready']
        const ending = type === 'histogram' ? '(_bucket|_sum|_count)' : isShort ? '_total' : ''
        assert.ok(metric !== undefined, name)
        assert.deepEqual([type, help], [metric.type, metric.help])
        for (const [sample, labels] of samples) {
          assert.match(sample, new RegExp(`^${name}${ending}$`))
          const { le: _, ...own } = labels
          assert.deepEqual(Object.keys(own), metric.labels, sample)
        }
      }
      const exchanges = families.find(({ name }) => name.startsWith('turnout_exchanges'))!
      assert.equal(
        exchanges.samples.reduce((sum, [, , value]) => sum + value, 0),
        20,
      )
    }
  },
)
