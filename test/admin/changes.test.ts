import assert from 'node:assert/strict'
import { test } from 'node:test'
import { open, type Opened, target } from './support/open.ts'

const route = (id: string, more = {}) => ({ id, path: `/${id}`, target, ...more })
const upstream = { name: 'u', endpoints: [{ url: 'http://127.0.0.1:9001' }] }

const change = ({ send }: Opened, body: unknown, query = '') =>
  send('POST', `/api/changes${query}`, { body })

test('several objects are one revision, and a route may use an upstream of the same change', async (t) => {
  const opened = await open(t)
  const body = {
    reason: 'first',
    routes: { put: [route('a'), route('b', { target: { upstream: 'u' } })] },
    upstreams: { put: [upstream] },
    disable: ['a'],
  }
  const { status, headers, body: answer } = await change(opened, body)
  assert.equal(status, 200)
  assert.equal(answer.revision, 1)
  assert.equal(answer.isChanged, true)
  assert.equal(headers['turnout-revision'], '1')
  const got = await opened.send('GET', '/api/routes/a')
  assert.equal(got.body.switchedOff, true)
  const { body: row } = await opened.send('GET', '/api/revisions/1')
  assert.equal(row.reason, 'first')
  assert.equal(row.author, 'admin-token')
  assert.deepEqual([row.routes, row.upstreams, row.state], [2, 1, 'current'])
  const gone = await opened.send('DELETE', '/api/upstreams/u?force=true')
  assert.equal(gone.status, 409)
  assert.equal(gone.body.code, 'TURNOUT_UPSTREAM_USED')
})

test('one bad part, and nothing of it is done; every problem is told with its place', async (t) => {
  const opened = await open(t)
  const body = { routes: { put: [route('a'), { id: 'b', nope: 1 }, { path: '/c', target }] } }
  const { status, body: answer } = await change(opened, body)
  assert.equal(status, 422)
  const pointers = answer.problems.map(({ pointer }: { pointer: string }) => pointer)
  assert.ok(pointers.some((pointer: string) => pointer.startsWith('/routes/put/1')))
  assert.ok(pointers.some((pointer: string) => pointer.startsWith('/routes/put/2')))
  assert.equal(opened.publisher.current.revision.number, 0)
})

test('a conflict is 409 with both routes and a witness', async (t) => {
  const opened = await open(t)
  const body = {
    routes: {
      put: [route('a', { path: '/x/:id', target }), route('b', { path: '/x/:name', target })],
    },
  }
  const { status, body: answer } = await change(opened, body)
  assert.equal(status, 409)
  assert.match(answer.detail, /\ba \(admin\).*\bb \(admin\)|\bb \(admin\).*\ba \(admin\)/)
  assert.match(answer.detail, /\/x\//)
  assert.equal(opened.publisher.current.revision.number, 0)
})

test('what is there is changed by who says what they saw', async (t) => {
  const opened = await open(t)
  await change(opened, { routes: { put: [route('a'), route('b')] } })
  await opened.send('PATCH', '/api/routes/b?force=true', { body: { metadata: { n: 1 } } })
  const put = { routes: { put: [route('a', { metadata: { n: 2 } })] } }
  assert.equal((await change(opened, put)).status, 428)
  const both = { routes: { put: put.routes.put, remove: ['b'] } }
  const late = await change(opened, { ...both, based_on: 1 })
  assert.equal(late.status, 412)
  assert.match(late.body.detail, /^b /)
  assert.equal((await change(opened, { ...put, based_on: 1 })).status, 200)
  assert.equal((await change(opened, { ...both, based_on: 99 })).status, 404)
  assert.equal((await change(opened, { routes: { remove: ['b'] } }, '?force=true')).status, 200)
  assert.equal((await change(opened, { routes: { remove: ['b'] } }, '?force=true')).status, 404)
})

test('a plan tells what would be and changes nothing', async (t) => {
  const opened = await open(t)
  await change(opened, { routes: { put: [route('a')] } })
  const body = { routes: { put: [route('b'), route('c', { path: '/a', target })] } }
  const refused = await change(opened, body, '?dryRun=true')
  assert.equal(refused.status, 200)
  assert.equal(refused.body.isAccepted, false)
  assert.equal(refused.body.problems[0].code, 'TURNOUT_ROUTE_CONFLICT')
  const good = await change(opened, { routes: { put: [route('b')] } }, '?dryRun=true')
  assert.equal(good.body.isAccepted, true)
  assert.deepEqual(
    good.body.changes.routes.added.map(({ id }: { id: string }) => id),
    ['b'],
  )
  assert.equal(opened.publisher.current.revision.number, 1)
})

test("another owner's route is switched off and on, and stays as it is", async (t) => {
  const opened = await open(t)
  const { send, publisher } = opened
  await change(opened, { routes: { put: [route('a')] } })
  const own = publisher.table.routes
  assert.equal(own.size, 1)
  await publisher.change({
    author: 'files',
    reason: '',
    isPartial: false,
    items: [
      {
        kind: 'edit',
        owner: 'files:f',
        putRoutes: [
          {
            id: 'f',
            owner: 'files:f',
            methods: ['GET'],
            paths: ['/f'],
            target: { kind: 'respond', status: 200, headers: {}, body: '' },
            selection: null,
            enabled: true,
            metadata: null,
            definition: null,
            revision: 0,
          },
        ],
        removeRoutes: [],
        putUpstreams: [],
        removeUpstreams: [],
        switches: [],
      },
    ],
  })
  const off = await send('PATCH', '/api/routes/f', {
    body: { enabled: false },
    headers: { 'if-match': '"2"' },
  })
  assert.equal(off.status, 200)
  assert.equal(off.body.switchedOff, true)
  assert.equal(off.body.owner, 'files:f')
  assert.equal(off.headers.etag, (await send('GET', '/api/routes/f')).headers.etag)
  const on = await change(opened, { enable: ['f'] })
  assert.equal(on.status, 200)
  assert.equal((await send('GET', '/api/routes/f')).body.switchedOff, undefined)
  assert.equal((await change(opened, { enable: ['nothing'] })).status, 404)
})

test('a change that waits is taken back, and what others changed since stays', async (t) => {
  const opened = await open(t)
  const { send, token } = opened
  await change(opened, { routes: { put: [route('a')] } })
  const both = { routes: { put: [{ ...route('a'), metadata: { x: 1 } }, route('b')] }, based_on: 1 }
  assert.equal((await change(opened, both, '?confirmWithin=1h')).status, 200)
  const theirs = { routes: { put: [{ ...route('b'), metadata: { y: 2 } }] }, based_on: 2 }
  assert.equal((await change(opened, theirs)).status, 200)
  const other = await token('other', 'write:admin')
  assert.equal((await send('POST', '/api/revisions/2/take-back', { token: other })).status, 403)
  const back = await send('POST', '/api/revisions/2/take-back?reason=enough')
  assert.deepEqual([back.status, back.body.revision], [200, 4])
  assert.equal((await send('GET', '/api/routes/a')).body.metadata, undefined)
  assert.deepEqual((await send('GET', '/api/routes/b')).body.metadata, { y: 2 })
  const { body: row } = await send('GET', '/api/revisions/4')
  assert.deepEqual([row.takesBack, row.reason], [2, 'enough'])
  assert.equal((await send('GET', '/api/revisions/2')).body.confirmation, 'reverted')
  for (const [number, status, code] of [
    [2, 409, 'TURNOUT_CONFIRM_LATE'],
    [1, 409, 'TURNOUT_CONFIRM_LATE'],
    [99, 404, 'TURNOUT_REVISION_UNKNOWN'],
  ] as const) {
    const again = await send('POST', `/api/revisions/${number}/take-back`)
    assert.deepEqual([again.status, again.body.code], [status, code])
  }
})

test('going back publishes what was, and a confirmed change stays', async (t) => {
  const opened = await open(t)
  const { send, token } = opened
  await change(opened, { routes: { put: [route('a')] } })
  await change(opened, { routes: { put: [route('b')] } }, '?confirmWithin=1h')
  const { body: row } = await send('GET', '/api/revisions/2')
  assert.equal(row.confirmation, 'waiting')
  assert.match(row.confirmBy, /Z$/)
  const other = await token('other', 'write:admin')
  assert.equal((await send('POST', '/api/revisions/2/confirm', { token: other })).status, 403)
  assert.equal((await send('POST', '/api/revisions/2/confirm')).status, 200)
  const twice = await send('POST', '/api/revisions/2/confirm')
  assert.equal(twice.status, 409)
  assert.equal(twice.body.code, 'TURNOUT_CONFIRM_LATE')

  const diff = await send('GET', '/api/revisions/1/diff/2')
  assert.deepEqual(
    diff.body.routes.added.map(({ id }: { id: string }) => id),
    ['b'],
  )
  const back = await send('POST', '/api/revisions/1/rollback?reason=oops')
  assert.equal(back.status, 200)
  assert.equal(back.body.revision, 3)
  assert.equal((await send('GET', '/api/routes/b')).status, 404)
  const { body } = await send('GET', '/api/revisions/3')
  assert.deepEqual([body.restores, body.reason], [1, 'oops'])
  for (const [method, target] of [
    ['POST', '/api/revisions/99/rollback'],
    ['POST', '/api/revisions/x/rollback'],
    ['GET', '/api/revisions/99'],
    ['GET', '/api/revisions/1/diff/99'],
  ] as const) {
    assert.equal((await send(method, target)).status, 404, target)
  }
})

test('a route to the admin API is refused, however it is spelled', async (t) => {
  const opened = await open(t)
  const { port } = opened
  for (const host of [
    '127.0.0.1',
    'localhost',
    '2130706433',
    '0x7f.1',
    '[::1]',
    '0.0.0.0',
    '[::ffff:127.0.0.1]',
    '127.1.2.3',
    'LOCALHOST.',
  ]) {
    const uri = `http://${host}:${port}`
    const { status, text } = await opened.send('POST', '/api/routes', {
      body: route('a', {
        uri,
        path: undefined,
        target: undefined,
        predicates: [{ name: 'Path', args: { _gen: '/a' } }],
      }),
    })
    assert.equal(status, 422, `${uri}: ${text}`)
    assert.match(text, /TURNOUT_URI_FORBIDDEN/)
    const named = { name: 'u', endpoints: [{ url: uri, weight: 1 }] }
    assert.equal((await opened.send('POST', '/api/upstreams', { body: named })).status, 422)
  }
})
