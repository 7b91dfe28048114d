import assert from 'node:assert/strict'
import { createServer, type Server, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { startLoad } from './load.ts'
import { lossOf, versionBody, type LoadCounts, type LoadReport } from './report.ts'

const answer = (tag: string, body: string, status = '200 OK'): string =>
  `HTTP/1.1 ${status}\r\nx-version: ${tag}\r\ncontent-length: ${body.length}\r\n\r\n${body}`

const chunked = (tag: string, ...parts: readonly string[]): string =>
  `HTTP/1.1 200 OK\r\nx-version: ${tag}\r\ntransfer-encoding: chunked\r\n\r\n${[...parts, '']
    .map((part) => `${part.length.toString(16)}\r\n${part}\r\n`)
    .join('')}`

const one = versionBody('v000001')
const two = versionBody('v000002')
const mixed = one.slice(0, 1_200) + two.slice(1_200)

/** What a server does with a request, and what each request of it must be counted as. */
const behaviours: readonly {
  readonly name: string
  readonly act: (socket: Socket) => void
  readonly counted: keyof LoadCounts
}[] = [
  { name: 'a whole answer', act: (s) => s.write(answer('v000001', one)), counted: 'completed' },
  {
    name: 'a whole answer in chunks',
    act: (s) => s.write(chunked('v000001', one.slice(0, 7), one.slice(7))),
    counted: 'completed',
  },
  {
    name: 'a whole answer in many writes',
    act: (s) => {
      const text = chunked('v000001', one)
      s.write(text.slice(0, 20))
      // One inside the other: timers of different delays may fire out of order on a busy machine.
      setTimeout(() => {
        s.write(text.slice(20, 3_000))
        setTimeout(() => s.write(text.slice(3_000)), 2)
      }, 2)
    },
    counted: 'completed',
  },
  {
    name: 'a body of two versions',
    act: (s) => s.write(answer('v000001', mixed)),
    counted: 'wrongBody',
  },
  {
    name: 'a header of another version than the body',
    act: (s) => s.write(answer('v000002', one)),
    counted: 'wrongBody',
  },
  {
    name: 'a body that is too short',
    act: (s) => s.write(answer('v000001', one.slice(8))),
    counted: 'wrongBody',
  },
  {
    name: 'bytes behind the answer',
    act: (s) => s.write(`${answer('v000001', one)}more`),
    counted: 'wrongBody',
  },
  {
    name: 'another status',
    act: (s) => s.write(answer('v000001', one, '503 Service Unavailable')),
    counted: 'wrongStatus',
  },
  { name: 'a reset', act: (s) => s.resetAndDestroy(), counted: 'reset' },
  { name: 'an end without an answer', act: (s) => s.end(), counted: 'reset' },
  {
    name: 'an end inside an answer',
    act: (s) => s.end(answer('v000001', one).slice(0, 2_000)),
    counted: 'truncated',
  },
  {
    name: 'an end inside a chunked answer',
    act: (s) => s.end(chunked('v000001', one).slice(0, -5)),
    counted: 'truncated',
  },
]

const listen = (t: TestContext, act: (socket: Socket) => void): Promise<number> =>
  new Promise((resolve) => {
    const sockets = new Set<Socket>()
    const server: Server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('data', () => act(socket))
    })
    t.after(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })

const loadOn = (port: number): Promise<LoadReport> =>
  startLoad({
    port,
    durationMs: 150,
    groups: [
      { name: 'kept', loops: 2, isKeptAlive: true, paths: ['/'], expects: 'version' },
      { name: 'once', loops: 2, isKeptAlive: false, paths: ['/'], expects: 'version' },
    ],
  }).report

for (const { name, act, counted } of behaviours) {
  test(`the load counts ${name} as ${counted}`, async (t) => {
    const report = await loadOn(await listen(t, act))
    assert.ok(report.sent > 0)
    assert.equal(report[counted], report.sent, JSON.stringify(report, null, 1))
    assert.equal(report.completed + lossOf(report), report.sent)
  })
}

test('the load counts a port where nobody listens as refused', async (t) => {
  const server = createServer()
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
  await new Promise((resolve) => server.close(resolve))
  t.diagnostic(`port ${port}`)
  const report = await loadOn(port)
  assert.ok(report.sent > 0)
  assert.equal(report.refused, report.sent)
})

test('the load tells when a connection goes back to an older version', async (t) => {
  let count = 0
  const port = await listen(t, (socket) => {
    count += 1
    socket.write(count % 10 === 0 ? answer('v000001', one) : answer('v000002', two))
  })
  const report = await loadOn(port)
  assert.equal(lossOf(report), 0)
  assert.ok(report.wentBack > 0)
})
