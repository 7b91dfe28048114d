import assert from 'node:assert/strict'
import { test } from 'node:test'
import { askRaw, get } from './support/client.ts'
import { openProxy, route } from './support/proxy.ts'
import { openRecording, valuesOf } from './support/recording.ts'
import { marked, methods, rows, runTable } from './table/run.ts'

test(`${rows.length} requests, ${methods.length} methods: what is accepted is what the upstream sees, and nothing else`, async (t) => {
  assert.ok(rows.length >= 200)
  assert.equal(new Set(rows.map(({ name }) => name)).size, rows.length)
  const recording = await openRecording(t, { answer: () => marked('ok') })
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  const told = await runTable(proxy.port, recording)
  t.diagnostic(`${told.forwarded} forwarded, ${told.refused} refused`)
  assert.deepEqual(told.wrong.slice(0, 40), [])
  assert.deepEqual(recording.faults, [])
  assert.deepEqual(proxy.errors, [])
  await proxy.quiet()
})

test('a request is sent on in one framing, without fields of its connection, and says who it is from', async (t) => {
  const recording = await openRecording(t)
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  const forged = [
    'X-Forwarded-For: 1.1.1.1',
    'x-forwarded-for: 2.2.2.2',
    'X_Forwarded_For: 3.3.3.3',
    'X-Forwarded-Host: evil',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Port: 1',
    'X-Real-IP: 4.4.4.4',
    'X-Real_IP: 5.5.5.5',
    'Forwarded: for=6.6.6.6',
    'Turnout-Route: forged',
    'Keep-Alive: timeout=5',
    'Proxy-Connection: keep-alive',
    'Proxy-Authorization: x',
    'TE: trailers',
    'Trailer: X-Sum',
    'Connection: X-Hop, TE',
    'X-Hop: 1',
    'Authorization: kept',
    'Cookie: a=b',
    '',
  ].join('\r\n')
  for (const method of methods)
    assert.equal((await askRaw(proxy.port, get('/a?b', forged, method))).status, 200)
  for (const [at, request] of recording.seen.entries()) {
    const shown = request.fields.filter(([name]) => name !== 'content-length')
    assert.deepEqual(shown, [
      ['host', `127.0.0.1:${recording.port}`],
      ['authorization', 'kept'],
      ['cookie', 'a=b'],
      ['x-forwarded-for', '127.0.0.1'],
      ['x-forwarded-proto', 'http'],
      ['x-forwarded-host', 'test'],
      ['x-forwarded-port', '80'],
      ['x-real-ip', '127.0.0.1'],
    ])
    assert.equal(request.method, methods[at])
    const isSaid = ['POST', 'PUT', 'PATCH'].includes(request.method)
    assert.deepEqual(valuesOf(request, 'content-length'), isSaid ? ['0'] : [])
  }
})

test('a client cannot have a field removed that the gateway adds', async (t) => {
  const recording = await openRecording(t)
  const proxy = await openProxy(t, [
    route('/*rest', recording.url, {
      filters: [
        { kind: 'set-request-header', name: 'X-Tenant', value: 'a' },
        { kind: 'add-request-header', name: 'X-More', value: 'b' },
      ],
    }),
  ])
  const added = [
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Forwarded-Proto',
    'X-Forwarded-Port',
    'X-Real-IP',
    'X-Tenant',
    'X-More',
    'Host',
    'x_forwarded_for',
    'x_real_ip',
  ]
  for (const name of added) {
    for (const spelled of [name, name.toLowerCase(), name.toUpperCase()]) {
      const from = recording.seen.length
      const { status } = await askRaw(proxy.port, get('/', `Connection: close, ${spelled}\r\n`))
      const [request] = recording.seen.slice(from)
      if (request === undefined) assert.equal(status, 400, spelled)
      else assert.equal(valuesOf(request, name.toLowerCase()).length, 1, spelled)
    }
  }
})
