import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import type { Filter } from '../../../src/core/route/filter.ts'
import type { Upstreams } from '../../../src/gateway/upstream/upstreams.ts'
import { answers, around, openExchange, openOther, openUpstreams, type Said } from './support.ts'

const mirror = (percent = 100): Filter => ({
  kind: 'mirror',
  upstream: 'other',
  percent,
  maxBodyBytes: 65_536,
})

const active = (upstreams: Upstreams): number => upstreams.get('other')!.endpoints[0]!.active

/** Until it holds; the runner's own deadline ends it otherwise. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2))
}

test('mirror: a copy of the request as it is then, its answer is thrown away, and nothing is left', async (t) => {
  const asked: string[] = []
  const upstreams = await openOther(t, (request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers['x-a']}`)
    response.writeHead(500)
    response.end('x'.repeat(100_000))
  })
  const filters: readonly Filter[] = [
    { kind: 'set-request-header', name: 'x-a', value: 'a' },
    mirror(),
    { kind: 'add-prefix', prefix: '/inner' },
  ]
  const opened = openExchange({ target: '/p?q=1' })
  const target = answers(200)
  const reply = await around(filters, target, upstreams)(opened.exchange)
  assert.equal(reply.body, 'ok')
  assert.equal(opened.outbound().path, '/inner/p')
  assert.equal(active(upstreams), 1)
  await until(() => active(upstreams) === 0)
  assert.deepEqual(asked, ['GET /p?q=1 a'])
  assert.equal(target.count, 1)
})

const copies: readonly (readonly [string, Said, number, readonly number[], boolean])[] = [
  ['a request without a body', {}, 100, [0.999], true],
  ['no request whose body nobody reads', { method: 'POST', bodyLength: 1 }, 100, [0], false],
  [
    'no request whose body of unknown length nobody reads',
    { method: 'POST', bodyLength: null },
    100,
    [0],
    false,
  ],
  ['no upgrade', { upgrade: 'websocket' }, 100, [0], false],
  ['a part of the requests', {}, 10, [0.099], true],
  ['not the rest of them', {}, 10, [0.1], false],
  ['none', {}, 0, [0], false],
]

for (const [name, said, percent, drawn, isCopied] of copies) {
  test(`mirror: copied is ${name}`, async (t) => {
    const upstreams = await openOther(t, (_, response) => void response.end(), drawn)
    await around(mirror(percent), answers(200), upstreams)(openExchange(said).exchange)
    assert.equal(active(upstreams), isCopied ? 1 : 0)
    await until(() => active(upstreams) === 0)
  })
}

test('mirror: an upstream that is not there costs nothing', async () => {
  const reply = await around(mirror(), answers(200), openUpstreams())(openExchange().exchange)
  assert.equal(reply.status, 200)
})

test('mirror: a copy that cannot be sent costs nothing', async (t) => {
  const upstreams = await openOther(t, (_, response) => void response.end())
  const opened = openExchange({ headers: ['x-note', 'two\nlines'] })
  const reply = await around(mirror(), answers(200), upstreams)(opened.exchange)
  assert.equal(reply.status, 200)
  assert.equal(active(upstreams), 0)
})

test('mirror: so many copies at once and no more; those that fail leave room again', async (t) => {
  const open: ServerResponse[] = []
  const upstreams = await openOther(t, (_, response) => void open.push(response))
  const handler = around(mirror(), answers(200), upstreams)
  for (let at = 0; at < 300; at += 1) await handler(openExchange().exchange)
  assert.equal(active(upstreams), 256)
  await until(() => open.length > 0)
  upstreams.get('other')!.destroy()
  await until(() => active(upstreams) === 0)
  await handler(openExchange().exchange)
  await until(() => active(upstreams) === 0)
})
