import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { root } from '../docs/root.ts'
import { ask, makeFolder } from '../hot/support/served.ts'
import { dataFolder, startInstance, type Instance } from '../road/support/instance.ts'

interface SpanRecord {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly status: { readonly code?: number }
  readonly traceState?: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly { readonly key: string; readonly value: object }[]
}

/** `SpanKind` as OTLP has it. */
const kinds = { internal: 1, server: 2, client: 3 } as const
const failedCode = 2

const listen = (t: TestContext, server: Server): Promise<number> =>
  new Promise((resolve) => {
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })

/** Receives spans as a collector does: OTLP over HTTP, in JSON. */
async function openCollector(t: TestContext): Promise<{
  port: number
  spans: SpanRecord[]
  of: (traceId: string, count: number) => Promise<readonly SpanRecord[]>
}> {
  const spans: SpanRecord[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (part: string) => (text += part))
    request.on('end', () => {
      assert.equal(request.url, '/v1/traces')
      const sent = JSON.parse(text) as {
        resourceSpans: { scopeSpans: { spans: SpanRecord[] }[] }[]
      }
      for (const { scopeSpans } of sent.resourceSpans)
        for (const one of scopeSpans) spans.push(...one.spans)
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  const port = await listen(t, server)
  const of = async (traceId: string, count: number): Promise<readonly SpanRecord[]> => {
    const endsAt = Date.now() + 30_000
    while (Date.now() < endsAt) {
      const found = spans.filter((span) => span.traceId === traceId)
      if (found.length >= count) return found
      await delay(50)
    }
    throw new Error(`no ${count} spans of ${traceId}: ${JSON.stringify(spans, null, 1)}`)
  }
  return { port, spans, of }
}

interface Upstream {
  readonly port: number
  readonly seen: { readonly url: string; readonly headers: IncomingHttpHeaders }[]
}

/** Records what it is asked; fails the first request on `/retry`, and never ends `/endless`. */
async function openUpstream(t: TestContext): Promise<Upstream> {
  const seen: Upstream['seen'] = []
  let failures = 0
  const server = createServer((request, response) => {
    const { url = '', headers } = request
    seen.push({ url, headers })
    if (url === '/retry' && failures === 0) {
      failures += 1
      response.writeHead(503).end()
    } else if (url === '/endless') {
      response.writeHead(200)
      response.write('begun')
    } else response.end('upstream')
  })
  return { port: await listen(t, server), seen }
}

const setup = (
  port: number,
): string => `import { NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'

const exporter = new OTLPTraceExporter({ url: 'http://127.0.0.1:${port}/v1/traces' })
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register()
`

interface Traced extends Instance {
  readonly upstream: Upstream
}

const routes = `import { trace } from '@opentelemetry/api'
export default { version: '1.2.0', register(routes) {
  routes.get('/hello/:name', async (c) => {
    await new Promise((go) => setTimeout(go, 5))
    const { spanId } = trace.getActiveSpan().spanContext()
    return c.json({ spanId, traceId: c.traceId })
  })
  routes.get('/bad', () => { throw new Error('bad') })
} }`

async function start(
  t: TestContext,
  tracing: unknown,
  collector: number,
  words: readonly string[] = ['--workers', '1'],
): Promise<Traced> {
  const upstream = await openUpstream(t)
  // Beside the packages that its modules import.
  const folder = makeFolder(t, {
    'routes/hello.js':
      tracing === false
        ? routes.replace(/^import.*/, '').replace('trace.getActiveSpan().spanContext()', '{}')
        : routes,
    'otel.mjs': setup(collector),
    'turnout.config.json': JSON.stringify({ tracing }),
  })
  symlinkSync(fileURLToPath(new URL('node_modules', root)), join(folder, 'node_modules'))
  const data = dataFolder(t, folder)
  const traced = await startInstance(t, `${folder}/routes`, {
    data,
    words: [...words, '--config', `${folder}/turnout.config.json`],
  })
  const target = { upstream: 'shop' }
  const body = {
    upstreams: { put: [{ name: 'shop', endpoints: [`http://127.0.0.1:${upstream.port}`] }] },
    routes: {
      put: [
        { id: 'shop', path: '/shop/*rest', filters: [{ kind: 'strip-prefix' }], target },
        {
          id: 'retry',
          path: '/retry',
          filters: [{ kind: 'retry', retries: 2, statuses: [503], firstBackoffMs: 1 }],
          target,
        },
      ],
    },
  }
  const { status, text } = await traced.send('POST', '/api/changes', { body })
  assert.equal(status, 200, text)
  return { ...traced, upstream }
}

const attribute = ({ attributes }: SpanRecord, name: string): unknown =>
  Object.values(attributes.find(({ key }) => key === name)?.value ?? {})[0]

const traceId = '0af7651916cd43dd8448eb211c80319c'
const clientSpan = 'b7ad6b7169203331'
const traceparent = `00-${traceId}-${clientSpan}-01`
const one = <Value>(found: readonly Value[]): Value => {
  assert.equal(found.length, 1, JSON.stringify(found))
  return found[0]!
}

test('a trace that a client began goes through to the upstream, and its spans to a collector', async (t) => {
  const collector = await openCollector(t)
  const traced = await start(t, { setup: './otel.mjs' }, collector.port)
  await ask(traced.port, '/shop/a?token=hush', { traceparent, tracestate: 'congo=t61, rojo=1' })
  const spans = await collector.of(traceId, 3)
  const server = one(spans.filter(({ kind }) => kind === kinds.server))
  const filter = one(spans.filter(({ kind }) => kind === kinds.internal))
  const client = one(spans.filter(({ kind }) => kind === kinds.client))
  assert.deepEqual(
    [server.name, server.parentSpanId, server.traceState],
    ['GET /shop/*rest', clientSpan, 'congo=t61,rojo=1'],
  )
  assert.deepEqual([filter.name, filter.parentSpanId], ['filter strip-prefix', server.spanId])
  assert.deepEqual([client.name, client.parentSpanId], ['GET', filter.spanId])
  const names = [
    'http.request.method',
    'url.path',
    'http.route',
    'http.response.status_code',
    'turnout.route_id',
    'turnout.revision',
  ]
  assert.deepEqual(
    names.map((name) => attribute(server, name)),
    ['GET', '/shop/a', '/shop/*rest', 200, 'shop', 2],
  )
  assert.deepEqual(
    [
      'turnout.upstream',
      'server.port',
      'http.response.status_code',
      'http.request.resend_count',
    ].map((name) => attribute(client, name)),
    ['shop', traced.upstream.port, 200, undefined],
  )
  assert.ok(BigInt(server.startTimeUnixNano) <= BigInt(client.startTimeUnixNano))
  assert.ok(BigInt(server.endTimeUnixNano) >= BigInt(client.endTimeUnixNano))
  assert.doesNotMatch(JSON.stringify(spans), /hush/)
  const { headers } = one(traced.upstream.seen)
  assert.equal(headers['traceparent'], `00-${traceId}-${client.spanId}-01`)
  assert.equal(headers['tracestate'], 'congo=t61,rojo=1')
})

test('each attempt is a span of its own, with its number, and its own parent id at the upstream', async (t) => {
  const collector = await openCollector(t)
  const traced = await start(t, { setup: './otel.mjs' }, collector.port, ['--workers', '0'])
  assert.equal((await ask(traced.port, '/retry', { traceparent })).status, 200)
  const spans = await collector.of(traceId, 4)
  const attempts = spans
    .filter(({ kind }) => kind === kinds.client)
    .sort((left, right) => Number(BigInt(left.startTimeUnixNano) - BigInt(right.startTimeUnixNano)))
  assert.deepEqual(
    attempts.map((span) => [
      attribute(span, 'http.response.status_code'),
      attribute(span, 'http.request.resend_count'),
      span.status.code ?? 0,
    ]),
    [
      [503, undefined, failedCode],
      [200, 1, 0],
    ],
  )
  assert.deepEqual(
    traced.upstream.seen.map(({ headers }) => headers['traceparent']),
    attempts.map(({ spanId }) => `00-${traceId}-${spanId}-01`),
  )
})

test('a handler has its span as the active one, and what it throws is in it', async (t) => {
  const collector = await openCollector(t)
  const traced = await start(t, { setup: './otel.mjs' }, collector.port)
  const { text } = await ask(traced.port, '/hello/you', { traceparent })
  const spans = await collector.of(traceId, 2)
  const server = one(spans.filter(({ kind }) => kind === kinds.server))
  const handler = one(spans.filter(({ kind }) => kind === kinds.internal))
  assert.deepEqual(JSON.parse(text), { spanId: handler.spanId, traceId })
  assert.deepEqual([handler.name, handler.parentSpanId], ['handler', server.spanId])
  assert.deepEqual(
    [attribute(server, 'turnout.module'), attribute(server, 'turnout.module_version')],
    ['hello', '1.2.0'],
  )
  const other = 'f'.repeat(32)
  await ask(traced.port, '/bad', { traceparent: `00-${other}-${clientSpan}-01` })
  const failed = await collector.of(other, 2)
  assert.deepEqual(
    failed.map(({ status }) => status.code),
    [failedCode, failedCode],
  )
  const third = 'e'.repeat(32)
  await ask(traced.port, '/nowhere', { traceparent: `00-${third}-${clientSpan}-01` })
  const missed = one(await collector.of(third, 1))
  assert.deepEqual([missed.name, attribute(missed, 'http.response.status_code')], ['GET', 404])
  assert.notEqual(missed.status.code, failedCode)
})

test('spans end where a client leaves in the middle of an answer', async (t) => {
  const collector = await openCollector(t)
  const traced = await start(t, { setup: './otel.mjs' }, collector.port)
  const socket = connect(traced.port, '127.0.0.1')
  socket.write(`GET /shop/endless HTTP/1.1\r\nhost: x\r\ntraceparent: ${traceparent}\r\n\r\n`)
  await new Promise((resolve) => socket.once('data', resolve))
  socket.destroy()
  const spans = await collector.of(traceId, 3)
  assert.deepEqual(spans.map(({ kind }) => kind).sort(), [1, 2, 3])
})

test('what is malformed begins a trace anew, and its tracestate goes nowhere', async (t) => {
  const collector = await openCollector(t)
  const traced = await start(t, { setup: './otel.mjs' }, collector.port)
  const bad = [
    `ff-${traceId}-${clientSpan}-01`,
    `00-${'0'.repeat(32)}-${clientSpan}-01`,
    'nonsense',
  ]
  for (const given of bad)
    await ask(traced.port, '/shop/a', { traceparent: given, tracestate: 'a=1' })
  // Not sampled by who began it: passed on as that, and not recorded.
  await ask(traced.port, '/shop/a', { traceparent: traceparent.replace(/1$/, '0') })
  const sent = traced.upstream.seen.map(({ headers }) => headers)
  for (const headers of sent.slice(0, 3)) {
    assert.match(String(headers['traceparent']), /^00-[\da-f]{32}-[\da-f]{16}-0[13]$/)
    assert.doesNotMatch(String(headers['traceparent']), new RegExp(traceId))
    assert.equal(headers['tracestate'], undefined)
  }
  assert.equal(new Set(sent.slice(0, 3).map(({ traceparent: text }) => text)).size, 3)
  assert.match(
    String(sent[3]!['traceparent']),
    new RegExp(`^00-${traceId}-(?!${clientSpan})[\\da-f]{16}-00$`),
  )
  assert.equal(collector.spans.filter((span) => span.traceId === traceId).length, 0)
})

test('without OpenTelemetry the headers alone go on', async (t) => {
  const traced = await start(t, { export: false, sample: 0 }, 0)
  await ask(traced.port, '/shop/a', { traceparent, tracestate: 'a=1' })
  await ask(traced.port, '/shop/b')
  const [known, begun] = traced.upstream.seen.map(({ headers }) => headers)
  assert.match(
    String(known!['traceparent']),
    new RegExp(`^00-${traceId}-(?!${clientSpan})[\\da-f]{16}-01$`),
  )
  assert.equal(known!['tracestate'], 'a=1')
  assert.match(String(begun!['traceparent']), /^00-[\da-f]{32}-[\da-f]{16}-0[02]$/)
})

test('off, what a client sends goes on untouched, and nothing is added', async (t) => {
  const traced = await start(t, false, 0)
  await ask(traced.port, '/shop/a', { traceparent, tracestate: 'a=1' })
  await ask(traced.port, '/shop/a', { traceparent: 'nonsense', tracestate: 'A=1' })
  await ask(traced.port, '/shop/a')
  assert.deepEqual(
    traced.upstream.seen.map(({ headers }) => [headers['traceparent'], headers['tracestate']]),
    [
      [traceparent, 'a=1'],
      ['nonsense', 'A=1'],
      [undefined, undefined],
    ],
  )
})

test('where the API of OpenTelemetry is not installed, it is said at once', () => {
  const hook = `const Module = require('node:module')
    const { _resolveFilename: resolve } = Module
    Module._resolveFilename = (name, ...rest) => {
      if (name === '@opentelemetry/api') throw new Error('no such package')
      return resolve(name, ...rest)
    }`
  const folder = mkdtempSync(join(tmpdir(), 'turnout-no-api-'))
  writeFileSync(join(folder, 'hook.cjs'), hook)
  const index = new URL('../../src/index.js', import.meta.url).href
  const script = `const { createTurnout } = await import(${JSON.stringify(index)})
    for (const tracing of [{ export: false }, true]) {
      try { console.log(createTurnout({ tracing, logger: false }).revision) } catch (error) { console.log(error.code, error.message) }
    }
    process.exit(0)`
  const words = ['--require', join(folder, 'hook.cjs'), '--input-type=module', '-e', script]
  const { stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
  rmSync(folder, { recursive: true, force: true })
  assert.equal(
    stdout,
    '0\nTURNOUT_TRACING_MISSING Tracing needs the package @opentelemetry/api, which cannot be loaded: no such package\n',
    stderr,
  )
})
