import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createAdminClient } from '../../src/admin/client.ts'
import { createTurnout } from '../../src/turnout.ts'
import { open, root } from './support/open.ts'

const url = 'http://127.0.0.1:9'
const guarded = { name: 'guarded', endpoints: [url], breaker: {} }

test('a breaker is forced over the API, without a revision, and written down', async (t) => {
  const { send, directory, token } = await open(t)
  await send('POST', '/api/upstreams', { body: guarded })
  await send('POST', '/api/upstreams', { body: { name: 'bare', endpoints: [url] } })
  const force = '/api/upstreams/guarded/breaker'
  const reader = await token('reader', 'read')
  const body = { state: 'FORCED_OPEN' }
  assert.equal((await send('POST', force, { body, token: reader })).status, 403)
  // A path is of routes; an upstream has none.
  const ofPath = await token('of-path', 'write:/shop')
  assert.equal(
    (await send('POST', force, { body, token: ofPath })).body.code,
    'TURNOUT_SCOPE_MISSING',
  )
  const writer = await token('writer', 'write:admin')
  const forced = await send('POST', force, { body, token: writer })
  assert.deepEqual([forced.status, forced.body.breaker.state], [200, 'FORCED_OPEN'])
  assert.equal(forced.headers['turnout-revision'], '2')
  const patched = await send('PATCH', '/api/upstreams/guarded', {
    body: { slowStart: {} },
    headers: { 'if-match': '*' },
  })
  assert.equal(patched.status, 200)
  const seen = await send('GET', '/api/upstreams/guarded/status', { token: reader })
  assert.equal(seen.body.breaker.state, 'FORCED_OPEN')
  const refused: readonly (readonly [string, unknown, number, string])[] = [
    [force, { state: 'HALF_OPEN' }, 422, 'TURNOUT_INPUT_INVALID'],
    ['/api/upstreams/bare/breaker', body, 409, 'TURNOUT_BREAKER_MISSING'],
    ['/api/upstreams/none/breaker', body, 404, 'TURNOUT_ITEM_UNKNOWN'],
  ]
  for (const [target, body, status, code] of refused) {
    const answer = await send('POST', target, { body })
    assert.deepEqual([answer.status, answer.body.code], [status, code], answer.text)
  }
  const audited = readFileSync(join(directory, 'audit.ndjson'), 'utf8')
  assert.match(audited, new RegExp(`"who":"writer".*"target":"${force}"`))
})

test('status of all upstreams is listed page by page, those of bare URIs too', async (t) => {
  const turnout = createTurnout({ logger: false })
  const directory = mkdtempSync(join(tmpdir(), 'turnout-status-'))
  t.after(async () => {
    await turnout.close(0)
    rmSync(directory, { recursive: true, force: true })
  })
  const admin = await turnout.admin({ port: 0, token: root, directory })
  const client = createAdminClient({ url: admin.url, token: root })
  const told: string[] = []
  turnout.on('upstream', ({ kind, upstream }) => told.push(`${kind} ${upstream}`))
  const put = [guarded, { name: 'other', endpoints: [url] }]
  const route = { id: 'to', path: '/to', target: { uri: url } }
  const changed = await client.change({ body: { upstreams: { put }, routes: { put: [route] } } })
  assert.ok(changed.ok)
  assert.equal((await turnout.fetch(new Request('http://a/to'))).status, 502)
  const pages: string[][] = []
  let after: string | undefined
  do {
    const page = await client.listUpstreamStatus({ query: { limit: 2, after } })
    assert.ok(page.ok)
    pages.push(page.body.items.map(({ name }) => name))
    after = page.body.next ?? undefined
  } while (after !== undefined)
  assert.deepEqual(pages, [['guarded', url], ['other']])
  const bare = await client.getUpstreamStatus({ params: { name: url } })
  assert.ok(bare.ok)
  const [endpoint] = bare.body.endpoints
  // Nothing reached it, so it was tried as often as one request may be.
  assert.deepEqual([bare.body.owner, endpoint?.consecutiveFailures], [null, 3])
  const wish = { state: 'FORCED_OPEN' } as const
  const forced = await client.forceBreaker({ params: { name: 'guarded' }, body: wish })
  assert.ok(forced.ok)
  assert.deepEqual(told, ['breaker guarded'])
  // Something happens until the client that follows is there.
  const ended = new AbortController()
  const events = client.follow({ signal: ended.signal })
  const heard = { isDone: false }
  const next = events.next().finally(() => (heard.isDone = true))
  while (!heard.isDone) {
    for (const state of ['CLOSED', 'FORCED_OPEN'] as const)
      await client.forceBreaker({ params: { name: 'guarded' }, body: { state } })
    await delay(20)
  }
  const { value } = await next
  ended.abort()
  await events.return()
  assert.equal(value?.name, 'upstream')
  const data = value?.data as Readonly<Record<string, string>>
  assert.deepEqual([data['kind'], data['upstream']], ['breaker', 'guarded'])
})
