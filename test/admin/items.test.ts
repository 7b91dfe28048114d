import assert from 'node:assert/strict'
import { test } from 'node:test'
import { open, type Answered, type Sending, target } from './support/open.ts'

const definition = {
  id: 'test-route',
  uri: 'http://127.0.0.1:9001',
  predicates: [{ name: 'Path', args: { _gen: '/api/test' } }],
}

test('a route is added, found twice, replaced, removed and gone, one revision each', async (t) => {
  const { send } = await open(t)
  const created = await send('POST', '/api/routes', { body: definition })
  assert.equal(created.status, 201)
  assert.equal(created.headers.location, '/api/routes/test-route')
  assert.equal(created.headers.etag, '"1"')
  assert.equal(created.headers['turnout-revision'], '1')
  assert.equal(created.body.revision, 1)

  const again = await send('POST', '/api/routes', { body: definition })
  assert.equal(again.status, 409)
  assert.match(again.headers['content-type'] ?? '', /^application\/problem\+json/)
  assert.equal(again.body.code, 'TURNOUT_ITEM_EXISTS')
  assert.match(
    again.body.detail,
    /test-route \(admin, \* \/api\/test\b.*test-route \(admin, \* \/api\/test\b/,
  )

  const got = await send('GET', created.headers.location)
  assert.equal(got.status, 200)
  assert.equal(got.headers.etag, '"1"')
  assert.equal(got.body.owner, 'admin')

  const changed = { ...definition, uri: 'http://127.0.0.1:9002' }
  const blind = await send('PUT', '/api/routes/test-route', { body: changed })
  assert.equal(blind.status, 428)
  assert.equal(blind.headers.etag, '"1"')
  const put = await send('PUT', '/api/routes/test-route', {
    body: changed,
    headers: { 'if-match': '"1"' },
  })
  assert.equal(put.status, 200)
  assert.equal(put.headers['turnout-revision'], '2')
  const late = await send('DELETE', '/api/routes/test-route', { headers: { 'if-match': '"1"' } })
  assert.equal(late.status, 412)
  assert.equal(late.headers.etag, '"2"')
  const gone = await send('DELETE', '/api/routes/test-route', { headers: { 'if-match': '"2"' } })
  assert.equal(gone.status, 204)
  assert.equal(gone.headers['turnout-revision'], '3')
  assert.equal(gone.text, '')
  const after = await send('DELETE', '/api/routes/test-route?force=true')
  assert.equal(after.status, 404)
  assert.equal((await send('GET', '/api/routes/test-route')).status, 404)
})

interface Step {
  readonly name: string
  readonly send: readonly [method: string, target: string, options?: Sending]
  readonly status: number
  readonly code?: string
}

const json = { 'content-type': 'application/json' }
const route = { id: 'b', path: '/b', target }
const deep = '['.repeat(33) + ']'.repeat(33)

/** Against an instance that has the routes `a` at /a (of the API) and `files#GET /f` (of files:f). */
const steps: readonly Step[] = [
  {
    name: 'no JSON',
    send: ['POST', '/api/routes', { body: '{"id":', headers: json }],
    status: 400,
    code: 'TURNOUT_JSON_INVALID',
  },
  {
    name: 'an empty body',
    send: ['POST', '/api/routes', { headers: json }],
    status: 400,
    code: 'TURNOUT_JSON_INVALID',
  },
  {
    name: 'a key twice',
    send: ['POST', '/api/routes', { body: '{"id":"x","id":"y"}' }],
    status: 400,
    code: 'TURNOUT_JSON_INVALID',
  },
  {
    name: 'a key of prototypes',
    send: ['POST', '/api/routes', { body: '{"__proto__":{}}' }],
    status: 400,
    code: 'TURNOUT_JSON_INVALID',
  },
  {
    name: 'too deep',
    send: ['POST', '/api/routes', { body: deep }],
    status: 400,
    code: 'TURNOUT_JSON_INVALID',
  },
  {
    name: 'a list for a route',
    send: ['POST', '/api/routes', { body: [] }],
    status: 422,
    code: 'TURNOUT_INPUT_INVALID',
  },
  {
    name: 'an unknown key',
    send: ['POST', '/api/routes', { body: { ...route, pth: 1 } }],
    status: 422,
    code: 'TURNOUT_INPUT_INVALID',
  },
  {
    name: 'another owner',
    send: ['POST', '/api/routes', { body: { ...route, owner: 'files:f' } }],
    status: 422,
    code: 'TURNOUT_INPUT_INVALID',
  },
  {
    name: 'a taken place',
    send: ['POST', '/api/routes', { body: { id: 'b', path: '/a', target } }],
    status: 409,
    code: 'TURNOUT_ROUTE_CONFLICT',
  },
  {
    name: 'a route to nowhere',
    send: ['POST', '/api/routes', { body: { ...route, target: { upstream: 'none' } } }],
    status: 422,
    code: 'TURNOUT_UPSTREAM_UNKNOWN',
  },
  {
    name: 'an unknown parameter',
    send: ['POST', '/api/routes?dryrun=true', { body: route }],
    status: 400,
    code: 'TURNOUT_QUERY_INVALID',
  },
  {
    name: 'a parameter twice',
    send: ['GET', '/api/routes?limit=1&limit=2'],
    status: 400,
    code: 'TURNOUT_QUERY_INVALID',
  },
  {
    name: 'a limit of nothing',
    send: ['GET', '/api/routes?limit=0'],
    status: 400,
    code: 'TURNOUT_QUERY_INVALID',
  },
  {
    name: 'a wish for a time too long',
    send: ['POST', '/api/routes?confirmWithin=25h', { body: route }],
    status: 400,
    code: 'TURNOUT_QUERY_INVALID',
  },
  {
    name: 'a form',
    send: [
      'POST',
      '/api/routes',
      { body: 'id=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    ],
    status: 415,
    code: 'TURNOUT_BODY_TYPE',
  },
  {
    name: 'another charset',
    send: [
      'POST',
      '/api/routes',
      { body: route, headers: { 'content-type': 'application/json; charset=utf-16' } },
    ],
    status: 415,
    code: 'TURNOUT_BODY_TYPE',
  },
  {
    name: 'a compressed body',
    send: ['POST', '/api/routes', { body: route, headers: { 'content-encoding': 'gzip' } }],
    status: 400,
    code: 'TURNOUT_HEADER_INVALID',
  },
  {
    name: 'a body for GET',
    send: ['GET', '/api/routes', { body: route }],
    status: 400,
    code: 'TURNOUT_BODY_UNEXPECTED',
  },
  {
    name: 'over a mebibyte',
    send: ['POST', '/api/routes', { body: { id: 'x'.repeat(1024 * 1024) } }],
    status: 413,
    code: 'TURNOUT_BODY_TOO_LARGE',
  },
  {
    name: 'another path id',
    send: [
      'PUT',
      '/api/routes/a',
      { body: { id: 'c', path: '/c', target }, headers: { 'if-match': '*' } },
    ],
    status: 422,
    code: 'TURNOUT_INPUT_INVALID',
  },
  {
    name: 'a PUT of what is not there',
    send: ['PUT', '/api/routes/z', { body: { path: '/z', target } }],
    status: 404,
    code: 'TURNOUT_ITEM_UNKNOWN',
  },
  {
    name: 'a PUT only if new, of what is there',
    send: [
      'PUT',
      '/api/routes/a',
      { body: { path: '/a2', target }, headers: { 'if-none-match': '*' } },
    ],
    status: 412,
    code: 'TURNOUT_ITEM_CHANGED',
  },
  {
    name: 'a weak tag',
    send: [
      'PUT',
      '/api/routes/a',
      { body: { path: '/a2', target }, headers: { 'if-match': 'W/"1"' } },
    ],
    status: 412,
    code: 'TURNOUT_ITEM_CHANGED',
  },
  {
    name: 'no tag',
    send: ['PUT', '/api/routes/a', { body: { path: '/a2', target }, headers: { 'if-match': '1' } }],
    status: 400,
    code: 'TURNOUT_HEADER_INVALID',
  },
  {
    name: "somebody else's route",
    send: ['DELETE', '/api/routes/files%23GET%20%2Ff', { headers: { 'if-match': '*' } }],
    status: 409,
    code: 'TURNOUT_OWNER_DIFFERS',
  },
  {
    name: "a change of somebody else's route",
    send: [
      'PATCH',
      '/api/routes/files%23GET%20%2Ff',
      { body: { path: '/g', target }, headers: { 'if-match': '*' } },
    ],
    status: 409,
    code: 'TURNOUT_OWNER_DIFFERS',
  },
  {
    name: 'a wrong method',
    send: ['PUT', '/api/routes', { body: route }],
    status: 405,
    code: 'TURNOUT_METHOD_NOT_ALLOWED',
  },
  {
    name: 'an unknown path',
    send: ['GET', '/api/nothing'],
    status: 404,
    code: 'TURNOUT_RESOURCE_UNKNOWN',
  },
  {
    name: 'an absolute target',
    send: ['GET', 'http://127.0.0.1/api/routes'],
    status: 404,
    code: 'TURNOUT_RESOURCE_UNKNOWN',
  },
  {
    name: 'an upgrade',
    send: ['GET', '/api/status', { headers: { connection: 'upgrade', upgrade: 'websocket' } }],
    status: 400,
    code: 'TURNOUT_HEADER_INVALID',
  },
]

for (const {
  name,
  send: [method, address, options],
  status,
  code,
} of steps) {
  test(`${method} ${address}: ${name} is ${status} ${code ?? ''}, and changes nothing`, async (t) => {
    const { send, publisher } = await open(t)
    await send('POST', '/api/routes', { body: { id: 'a', path: '/a', target } })
    const other = { ...publisher.table.routes }
    assert.equal(other.size, 1)
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
              id: 'files#GET /f',
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
    const { digest } = publisher.current.revision
    const answer = await send(method, address, options)
    assert.equal(answer.status, status, answer.text)
    assert.equal(answer.body.status, status)
    if (code !== undefined) {
      const all = [
        answer.body.code,
        ...(answer.body.problems ?? []).map((one: Answered) => one.code),
      ]
      assert.ok(all.includes(code), answer.text)
    }
    assert.equal(publisher.current.revision.digest, digest)
  })
}

test('an id with any character that it may have is asked for, changed and removed', async (t) => {
  const { send } = await open(t)
  for (const id of ['a/b', 'users#GET /:id(\\d+)', '\\', 'a b', '%5C', 'é?&=+', '...', 'a;b,c']) {
    const place = `/api/routes/${encodeURIComponent(id)}`
    const created = await send('POST', '/api/routes', { body: { id, path: '/a', target } })
    assert.equal(created.status, 201, created.text)
    assert.equal(created.headers['location'], place)
    assert.equal((await send('GET', place)).body.id, id)
    const patched = await send('PATCH', `${place}?force=true`, { body: { enabled: false } })
    assert.equal(patched.status, 200, patched.text)
    assert.equal((await send('DELETE', `${place}?force=true`)).status, 204)
  }
})
