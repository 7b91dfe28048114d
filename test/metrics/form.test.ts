import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTurnout } from '../../src/turnout.ts'
import { wantsOpenMetrics } from '../../src/telemetry/metrics-text.ts'
import { makeFolder } from '../hot/support/served.ts'
import { startSupervised } from '../supervisor/support.ts'
import { serving } from '../supervisor/under-load.ts'
import { noParser, openMetrics, parsedBy, samplesOf, sumOf } from './support.ts'

const accepts: readonly (readonly [string, boolean])[] = [
  ['', false],
  ['*/*', false],
  ['text/plain', false],
  ['text/plain;version=0.0.4;q=0.5,*/*;q=0.1', false],
  ['application/openmetrics-text', true],
  ['application/openmetrics-text; version=1.0.0; charset=utf-8', true],
  ['Application/OpenMetrics-Text; Version=1.0.0', true],
  ['application/openmetrics-text;version=0.0.1', false],
  ['application/openmetrics-text;version=0.0.1,text/plain;q=0.5', false],
  ['application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3', true],
  ['text/plain;q=0.9,application/openmetrics-text;q=0.1', false],
  ['application/openmetrics-text;q=0', false],
  // What Prometheus 2.42 sends.
  [
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    true,
  ],
]
for (const [accept, isOpen] of accepts)
  test(`Accept: ${accept} is answered in ${isOpen ? 'OpenMetrics' : 'plain text'}`, () => {
    assert.equal(wantsOpenMetrics(accept), isOpen)
  })

test('admin: types, HEAD, methods, tokens', async (t) => {
  const instance = await startSupervised(t, makeFolder(t, { 'serving.js': serving(1) }), 1)
  const { send, askAs, admin } = instance
  const plain = await send('GET', '/metrics')
  assert.equal(plain.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  assert.equal(plain.headers['cache-control'], 'no-store')
  const open = await send('GET', '/metrics', { headers: { accept: openMetrics } })
  assert.equal(
    open.headers['content-type'],
    'application/openmetrics-text; version=1.0.0; charset=utf-8',
  )
  assert.ok(open.text.endsWith('\n# EOF\n'))
  const head = await send('HEAD', '/metrics')
  assert.deepEqual([head.status, head.text], [200, ''])
  assert.ok(Number(head.headers['content-length']) > 1_000)
  const put = await send('PUT', '/metrics', { body: {} })
  assert.deepEqual([put.status, put.headers['allow']], [405, 'GET, HEAD'])
  assert.equal((await send('GET', '/metrics?all=true')).status, 400)
  assert.equal((await askAs(admin, 'GET', '/metrics', {})).status, 401)
  const created = await send('POST', '/api/tokens', { body: { name: 'scraper', scopes: ['read'] } })
  const { token } = created.body as { readonly token: string }
  assert.equal((await send('GET', '/metrics', { token })).status, 200)
})

const evil = [
  'quotes "and" \'more\'',
  'back\\slash\\',
  'a\nnew line\n# EOF\nturnout_ready 7',
  '{route="x"} 1',
  'grüße 🚋 \u0000 \r\t',
  `long ${'ö'.repeat(300)} one`,
  `long ${'ö'.repeat(300)} two`,
  'half \ud83d',
  'other half \udc8b',
  '__proto__',
  ' ',
]

test(
  'ids of routes that mean harm come out as they are, in both forms',
  { skip: noParser ?? false },
  async (t) => {
    const turnout = createTurnout({ logger: false })
    t.after(() => turnout.close(0))
    const paths = evil.map((_, at) => `/evil/${at}`)
    await turnout.update((change) => {
      for (const [at, id] of evil.entries())
        change.module({
          name: id,
          version: '1.0.0',
          register: (routes) => void routes.get(paths[at]!, (c) => c.text('ok')),
        })
    })
    for (const path of paths)
      assert.equal((await turnout.fetch(new Request(`http://turnout.test${path}`))).status, 200)
    const ids = turnout.routes().map(({ id }) => id)
    assert.equal(ids.length, evil.length)
    for (const form of ['openmetrics', 'prometheus'] as const) {
      const { text } = await turnout.metrics(form === 'openmetrics' ? openMetrics : '')
      const families = parsedBy(form, text)
      const routes = families
        .flatMap(({ samples }) => samples)
        .filter(([name, labels]) => name === 'turnout_exchanges_total' && labels['class'] === '2xx')
        .map(([, labels, value]) => [labels['route']!, value] as const)
      const shown = routes.map(([id]) => id)
      for (const id of ids)
        if (id.length <= 200)
          assert.ok(shown.includes(Buffer.from(id).toString()), `${form}: ${id}`)
      // Those that are the same as far as they are told are told together.
      const long = shown.filter((id) => id.endsWith('…'))
      assert.equal(long.length, 1)
      assert.equal(new Set(shown).size, shown.length)
      assert.equal(
        routes.reduce((sum, [, value]) => sum + value, 0),
        evil.length,
      )
      assert.equal(families.find(({ name }) => name === 'turnout_ready')?.samples[0]?.[2], 1)
    }
  },
)

test('of 3,000 routes 1,000 are told apart, and no exchange is lost', async (t) => {
  const turnout = createTurnout({ logger: false })
  t.after(() => turnout.close(0))
  const count = 3_000
  await turnout.update((change) => {
    for (let at = 0; at < count; at += 1) change.get(`/r/${at}`, (c) => c.text('ok'))
  })
  const askAll = async (): Promise<void> => {
    for (let at = 0; at < count; at += 1)
      await turnout.fetch(new Request(`http://turnout.test/r/${at}`))
  }
  await askAll()
  await askAll()
  const startedAt = performance.now()
  const { text } = await turnout.metrics()
  t.diagnostic(`${text.length} bytes in ${Math.round(performance.now() - startedAt)} ms`)
  const samples = samplesOf(text)
  const routes = samples.filter(
    ({ name, labels }) => name === 'turnout_exchanges_total' && labels['class'] === '2xx',
  )
  assert.equal(routes.length, 1_001)
  const other = sumOf(samples, 'turnout_exchanges_total', { route: 'other' })
  assert.equal(other, (count - 1_000) * 2)
  assert.equal(sumOf(samples, 'turnout_exchanges_total'), count * 2)
  assert.equal(sumOf(samples, 'turnout_exchange_duration_seconds_count'), count * 2)
  if (noParser === null) parsedBy('openmetrics', (await turnout.metrics(openMetrics)).text)
})
