import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { makeFolder } from '../hot/support/served.ts'
import { dataFolder, startInstance, type Answer, type Instance } from './support/instance.ts'

/** A server that says its name and what it was asked for; returns its URI. */
const backend = async (t: Parameters<typeof makeFolder>[0], name: string): Promise<string> => {
  const server = createServer((request, response) => response.end(`${name} ${request.url}`))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const start = async (t: Parameters<typeof makeFolder>[0]): Promise<Instance> => {
  const folder = makeFolder(t)
  return startInstance(t, folder, { data: dataFolder(t, folder) })
}

const revisionOf = ({ headers }: Answer): number => Number(headers['turnout-revision'])

test('a Spring definition: posted, matched at once, refused twice, replaced, deleted; one revision each', async (t) => {
  const { send, ask } = await start(t)
  const seed = {
    id: 'test-route',
    uri: await backend(t, 'first'),
    predicates: [{ name: 'Path', args: { _gen: '/api/test' } }],
  }
  const matched = async (): Promise<number> => (await ask('/api/test')).status
  assert.equal(await matched(), 404)

  const posted = await send('POST', '/api/routes', { body: seed })
  assert.equal(posted.status, 201, posted.text)
  assert.equal(posted.headers['location'], '/api/routes/test-route')
  assert.equal(revisionOf(posted), 1)
  const proxied = await ask('/api/test')
  assert.deepEqual([proxied.status, proxied.text], [200, 'first /api/test'])

  const again = await send('POST', '/api/routes', { body: seed })
  assert.equal(again.status, 409)
  assert.equal(again.text.match(/test-route/g)!.length >= 2, true, again.text)
  assert.match(again.text, /\/api\/test/)
  const other = await send('POST', '/api/routes', { body: { ...seed, id: 'other-route' } })
  assert.equal(other.status, 409)
  for (const name of ['test-route', 'other-route', 'admin', '/api/test'])
    assert.ok(other.text.includes(name), `${name} is not named: ${other.text}`)
  assert.equal((await send('GET', '/api/status')).body.revision, 1)

  const found = await send('GET', '/api/routes/test-route')
  const blind = await send('PUT', '/api/routes/test-route', { body: seed })
  assert.equal(blind.status, 428)
  const etag = String(found.headers['etag'])
  const put = await send('PUT', '/api/routes/test-route', {
    body: { ...seed, uri: await backend(t, 'second') },
    headers: { 'if-match': etag },
  })
  assert.equal(put.status, 200, put.text)
  assert.equal(revisionOf(put), 2)
  assert.equal((await ask('/api/test')).text, 'second /api/test')
  const stale = { headers: { 'if-match': etag } }
  assert.equal((await send('DELETE', '/api/routes/test-route', stale)).status, 412)

  const fresh = { headers: { 'if-match': String(put.headers['etag']) } }
  const deleted = await send('DELETE', '/api/routes/test-route', fresh)
  assert.equal(deleted.status, 204)
  assert.equal(revisionOf(deleted), 3)
  assert.equal(await matched(), 404)
  assert.equal((await send('DELETE', '/api/routes/test-route?force=true')).status, 404)
  assert.equal((await send('GET', '/api/routes/test-route')).status, 404)
  assert.equal((await send('GET', '/api/status')).body.revision, 3)
})

/** A route whose body says which change made it. */
const numbered = (number: number): object => ({
  path: '/number',
  target: { respond: { status: 200, body: String(number) } },
})

test('what was answered is served to every request that starts after it, and never goes back', async (t) => {
  const { send, ask } = await start(t)
  const changes = 80
  await send('PUT', '/api/routes/number', {
    body: numbered(0),
    headers: { 'if-none-match': '*' },
  })
  let acknowledged = 0
  const writing = { isOver: false }
  let asked = 0
  let seenDuring = 0
  const readers = Array.from({ length: 8 }, async () => {
    let before = 0
    while (!writing.isOver) {
      const least = acknowledged
      const { status, text } = await ask('/number')
      const number = Number(text)
      asked += 1
      assert.equal(status, 200)
      assert.ok(number >= least, `${least} was answered, then ${number} served`)
      assert.ok(number >= before, `${before} was served, then ${number}`)
      if (number > least) seenDuring += 1
      before = number
    }
  })
  const writer = async (): Promise<void> => {
    for (let number = 1; number <= changes; number += 1) {
      const put = await send('PUT', '/api/routes/number?force=true', { body: numbered(number) })
      assert.equal(put.status, 200, put.text)
      assert.equal(revisionOf(put), number + 1)
      acknowledged = number
      // A request that starts in the same turn as the answer is read.
      assert.equal((await ask('/number')).text, String(number))
    }
  }
  await Promise.all([...readers, writer().finally(() => (writing.isOver = true))])
  t.diagnostic(
    `${changes} changes, ${asked} requests, ${seenDuring} of them served by a change before its answer was read`,
  )
  assert.ok(asked >= changes)
})
