import assert from 'node:assert/strict'
import { test } from 'node:test'
import { open, target, type Answered } from './support/open.ts'

const definition = {
  id: 'first',
  uri: 'http://127.0.0.1:9001',
  predicates: [
    { name: 'Path', args: { _genkey_0: '/first/**' } },
    { name: 'Method', args: { _genkey_0: 'GET', _genkey_1: 'POST' } },
  ],
  filters: ['StripPrefix=1', 'AddRequestHeader=X-A, b'],
  metadata: { team: 'a' },
  order: 3,
}

test('tools of Spring Cloud Gateway add, see, replace and remove a route', async (t) => {
  const { send, publisher } = await open(t)
  const base = '/actuator/gateway'
  const added = await send('POST', `${base}/routes/first`, { body: definition })
  assert.equal(added.status, 201, added.text)
  assert.equal(added.headers.location, '/actuator/gateway/routes/first')
  assert.equal(added.headers['turnout-revision'], '1')
  assert.equal((await send('POST', `${base}/refresh`)).status, 200)
  assert.equal(publisher.current.revision.number, 1)

  const { body } = await send('GET', `${base}/routes/first`)
  assert.equal(body.route_id, 'first')
  assert.equal(body.uri, definition.uri)
  assert.equal(body.order, 3)
  assert.deepEqual(body.metadata, { team: 'a' })
  const filters = [
    '[[strip-prefix], order = 1]',
    "[[add-request-header name = 'x-a', value = 'b'], order = 2]",
  ]
  assert.deepEqual(body.filters, filters)
  const listed = await send('GET', `${base}/routes`)
  assert.deepEqual(
    listed.body.map((row: Answered) => row.route_id),
    ['first'],
  )
  assert.deepEqual((await send('GET', `${base}/routes/first/combinedfilters`)).body, filters)
  assert.ok('Path' in (await send('GET', `${base}/routepredicates`)).body)
  assert.ok('StripPrefix' in (await send('GET', `${base}/routefilters`)).body)
  assert.deepEqual((await send('GET', `${base}/globalfilters`)).body, {})

  const uri = 'http://127.0.0.1:9002'
  const again = await send('POST', `${base}/routes/first`, { body: { ...definition, uri } })
  assert.equal(again.status, 201)
  assert.equal((await send('GET', `${base}/routes/first`)).body.uri, uri)
  assert.equal((await send('DELETE', `${base}/routes/first`)).status, 200)
  assert.equal((await send('DELETE', `${base}/routes/first`)).status, 404)
  assert.equal((await send('GET', `${base}/routes/first`)).status, 404)
  assert.equal(publisher.current.revision.number, 3)
})

test('a definition comes back as it was sent, and can be sent again', async (t) => {
  const { send, publisher } = await open(t)
  await send('POST', '/actuator/gateway/routes/first', { body: definition })
  const { body } = await send('GET', '/actuator/gateway/routedefinitions')
  assert.deepEqual(body, [definition])
  const { digest } = publisher.current.revision
  await send('POST', '/actuator/gateway/routes/first', { body: body[0] })
  assert.equal(publisher.current.revision.digest, digest)
})

test('what cannot be honoured is 400 by name, and a tag that is sent is heeded', async (t) => {
  const { send } = await open(t)
  const post = (body: unknown, headers = {}) =>
    send('POST', '/actuator/gateway/routes/first', { body, headers })
  const unknown = await post({
    ...definition,
    predicates: [...definition.predicates, { name: 'Nonsense', args: {} }],
  })
  assert.equal(unknown.status, 400)
  assert.equal(unknown.body.status, 400)
  assert.match(unknown.text, /Nonsense/)
  assert.equal((await post({ ...definition, uri: undefined })).status, 400)
  assert.equal((await post({ ...definition, uri: 'http://#{1+1}' })).status, 400)
  assert.equal((await post(definition)).status, 201)
  assert.equal((await post(definition, { 'if-match': '"99"' })).status, 412)
})

test('a route of our own shape is listed, and has a definition where it can be said in one', async (t) => {
  const { send } = await open(t)
  await send('POST', '/api/routes', { body: { id: 'own', path: '/own', target } })
  await send('POST', '/api/routes', {
    body: { id: 'uri', path: '/uri', target: { uri: 'http://127.0.0.1:9001' } },
  })
  const listed = await send('GET', '/actuator/gateway/routes')
  assert.equal(listed.body.length, 2)
  const definitions = await send('GET', '/actuator/gateway/routedefinitions')
  assert.deepEqual(
    definitions.body.map((row: Answered) => row.id),
    ['uri'],
  )
})
