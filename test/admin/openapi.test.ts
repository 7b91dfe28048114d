import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { createAdminClient } from '../../src/admin/client.ts'
import { describeApi } from '../../src/admin/openapi.ts'
import { isChange, operations, type OperationName } from '../../src/admin/operations.ts'
import { resources } from '../../src/admin/resources.ts'
import { samples } from './support/matrix.ts'
import { open, root, target, type Answered } from './support/open.ts'

// What JSON makes of it is what clients get.
const document: Answered = JSON.parse(JSON.stringify(describeApi(resources)))

test('the document is valid OpenAPI 3.1', async () => {
  const validator = new Validator()
  const { valid, errors } = await validator.validate(structuredClone(document))
  assert.ok(valid, JSON.stringify(errors, null, 2))
  assert.equal(validator.version, '3.1')
})

test('the document has every operation, and no other', () => {
  const described = Object.entries(document.paths as Record<string, Record<string, Answered>>)
    .flatMap(([path, of]) =>
      Object.entries(of).map(([method, { operationId }]) => [operationId, method, path].join(' ')),
    )
    .sort()
  const known = Object.entries(operations)
    .map(([name, { method, path }]) => [name, method.toLowerCase(), path].join(' '))
    .sort()
  assert.deepEqual(described, known)
})

test('every code that an operation names is one that it may answer with', () => {
  for (const [name, { method, path }] of Object.entries(operations)) {
    const { responses, parameters } = document.paths[path][method.toLowerCase()]
    const key = name as OperationName
    for (const status of Object.keys(resources[key].answers)) assert.ok(status in responses)
    if (resources[key].scope !== 'none') assert.ok('401' in responses, name)
    if (isChange(key)) assert.ok('429' in responses, name)
    for (const [, param] of path.matchAll(/\{(\w+)\}/g))
      assert.ok(parameters.some((one: Answered) => one.in === 'path' && one.name === param))
  }
})

test('answers are what the document says', async (t) => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  let checked = 0
  for (const { name, method, target: address, sending } of samples) {
    if (name === 'events') continue
    const opened = await open(t)
    await opened.send('POST', '/api/routes', { body: { id: 'there', path: '/there', target } })
    const upstream = { name: 'there', endpoints: ['http://127.0.0.1:9'] }
    await opened.send('POST', '/api/upstreams', { body: upstream })
    const { status, body, text } = await opened.send(method, address, sending)
    const { path } = operations[name]
    const response = document.paths[path][method.toLowerCase()].responses[status]
    assert.ok(response !== undefined, `${name} answers ${status}, which is not described: ${text}`)
    const [content] = Object.values<Answered>(response.content ?? {})
    if (content === undefined) {
      assert.equal(text, '', name)
      continue
    }
    const schema =
      content.schema.$ref === undefined ? content.schema : document.components.schemas.Problem
    const validate = ajv.compile(schema as object)
    // Text is not read as JSON.
    const answered: unknown = body ?? text
    assert.ok(validate(answered), `${name} ${status}: ${JSON.stringify(validate.errors)} ${text}`)
    checked += 1
  }
  assert.ok(checked > 20)
})

test('every setting of a filter that a route may have is in the document', async (t) => {
  const opened = await open(t)
  const filters = [
    { kind: 'timeout', connectMs: 1, headersMs: 2, idleMs: 3, totalMs: 4 },
    { kind: 'mirror', upstream: 'there', percent: 5, maxBodyBytes: 6 },
  ]
  const upstream = { name: 'there', endpoints: ['http://127.0.0.1:9'] }
  await opened.send('POST', '/api/upstreams', { body: upstream })
  const { status, body } = await opened.send('POST', '/api/routes', {
    body: { id: 'there', path: '/there', target, filters },
  })
  assert.equal(status, 201)
  assert.deepEqual(body.filters, filters)
  const { schema } = document.paths['/api/routes'].post.responses['201'].content['application/json']
  const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(schema as object)
  assert.ok(validate(body), JSON.stringify(validate.errors))
})

test('the client has a method for each operation, and follows events', () => {
  const client = createAdminClient({ url: 'http://127.0.0.1:1', token: root })
  const names = [...Object.keys(operations).filter((name) => name !== 'events'), 'follow']
  assert.deepEqual(Object.keys(client).sort(), names.sort())
})

test('the client does what it says, with refusals as values', async (t) => {
  const { url } = await open(t)
  const client = createAdminClient({ url, token: root })
  const route = { id: 'GET /a b', path: '/a', target }
  const created = await client.createRoute({ body: route })
  assert.ok(created.ok)
  assert.deepEqual([created.status, created.revision, created.etag], [201, 1, '"1"'])
  const again = await client.createRoute({ body: route, idempotencyKey: 'k' })
  assert.ok(!again.ok)
  assert.equal(again.problem.code, 'TURNOUT_ITEM_EXISTS')
  const params = { id: 'GET /a b' }
  const blind = await client.patchRoute({ params, body: { metadata: { a: 1 } } })
  assert.ok(!blind.ok)
  assert.deepEqual([blind.status, blind.etag], [428, '"1"'])
  const patched = await client.patchRoute({
    params,
    body: { metadata: { a: 1 } },
    ifMatch: created.etag!,
    query: { reason: 'because' },
  })
  assert.ok(patched.ok)
  assert.equal(patched.body.id, 'GET /a b')
  const listed = await client.listRoutes({ query: { limit: 1 } })
  assert.ok(listed.ok)
  assert.equal(listed.body.items.length, 1)
  const planned = await client.change({ body: { disable: [route.id] }, query: { dryRun: true } })
  assert.ok(planned.ok)
  assert.ok('base' in planned.body && planned.body.isAccepted)
  const gone = await client.deleteRoute({ params, ifMatch: '*' })
  assert.ok(gone.ok)
  assert.equal(gone.body, null)
  const ready = await client.readiness()
  assert.ok(ready.ok)
  assert.equal(ready.body.isReady, true)
})

test('an instance that is not there is an error with a code', async () => {
  const client = createAdminClient({ url: 'http://127.0.0.1:1', token: root })
  await assert.rejects(client.status(), { code: 'TURNOUT_ADMIN_UNREACHABLE' })
})

test('a wrong token ends a client that follows, instead of trying for ever', async (t) => {
  const { url } = await open(t)
  const client = createAdminClient({ url, token: 'x'.repeat(43) })
  await assert.rejects(client.follow().next(), { code: 'TURNOUT_TOKEN_UNKNOWN' })
})

test('the client needs nothing of the server: neither schemas nor handlers', () => {
  const seen = new Set<string>()
  const pending = [new URL('../../src/admin/client.js', import.meta.url)]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (seen.has(next.href)) continue
    seen.add(next.href)
    const text = readFileSync(next, 'utf8')
    for (const [, specifier] of text.matchAll(/^(?:import|export)\b[^'"=(]*from ['"](.+)['"]/gm)) {
      if (specifier!.startsWith('.')) pending.push(new URL(specifier!, next))
      else assert.match(specifier!, /^node:/)
    }
  }
  assert.ok([...seen].every((file) => !/resources|zod/.test(file)))
})
