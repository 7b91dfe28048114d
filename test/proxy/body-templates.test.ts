import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Route } from '../../src/core/route/route.ts'
import { parseRoute } from '../../src/core/route/parse.ts'
import { fillBody } from '../../src/gateway/filters/fill-body.ts'
import { openExchange } from '../gateway/filters/support.ts'
import { askRaw, codeOf, fieldOf, get } from './support/client.ts'
import { openProxy, upstream } from './support/proxy.ts'
import { openRecording, valuesOf, type Recording } from './support/recording.ts'

function routeTo(filters: readonly object[], path = '/u/:id'): Route {
  const definition = { id: 'a', path, target: { upstream: 'u' }, filters }
  const { route, problems } = parseRoute(definition, { owner: 'admin', pointer: '' })
  assert.equal(problems, null)
  return route
}

const upstreams = ({ url }: Recording): readonly [ReturnType<typeof upstream>] => [
  upstream('u', [url]),
]

const post = (path: string, body: string, fields = ''): string =>
  `POST ${path} HTTP/1.1\r\nHost: test\r\n${fields}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${Buffer.from(body).toString('latin1')}`

/** A template, a request, and the body that the upstream sees. */
const requests: readonly (readonly [
  template: string,
  path: string,
  fields: string,
  body: string,
  sent: unknown,
])[] = [
  ['{"a":1}', '/u/7', '', '', { a: 1 }],
  ['{"id":"{param.id}"}', '/u/7', '', '', { id: '7' }],
  ['{"id":{param.id}}', '/u/7', '', '', { id: '7' }],
  ['{"id":"<{param.id}>"}', '/u/%22,%22admin%22:%22', '', '', { id: '<","admin":">' }],
  ['{"id":{param.id}}', '/u/%22%7D', '', '', { id: '"}' }],
  ['{"q":"{query.q}"}', '/u/7?q=%22%5C%0A%00%E2%80%A8&q=2', '', '', { q: '"\\\n\0\u2028' }],
  ['{"q":{query.q}}', '/u/7', '', '', { q: null }],
  ['{"q":"{query.q}"}', '/u/7', '', '', { q: '' }],
  ['{"q":"{query.__proto__}"}', '/u/7', '', '', { q: '' }],
  ['{"h":"{header.X-A}"}', '/u/7', 'x-a: "\r\nX-A: \\\r\n', '', { h: '", \\' }],
  ['{"h":"{header.constructor}"}', '/u/7', '', '', { h: '' }],
  ['{"b":{body}}', '/u/7', '', '{"a":[1,{"c":"ü"}]}', { b: { a: [1, { c: 'ü' }] } }],
  ['{"b":"{body./a/1/c}"}', '/u/7', '', '{"a":[1,{"c":"\\"x"}]}', { b: '"x' }],
  ['{"b":{body./a/1}}', '/u/7', '', '{"a":[1,{"c":2}]}', { b: { c: 2 } }],
  ['{"b":"{body./a}"}', '/u/7', '', '{"a":{"c":2}}', { b: '{"c":2}' }],
  ['{"b":{body./a~1b/m~0n}}', '/u/7', '', '{"a/b":{"m~n":true}}', { b: true }],
  ['{"b":{body./a/length}}', '/u/7', '', '{"a":[1,2]}', { b: null }],
  ['{"b":{body./a/-1},"c":{body./a/01}}', '/u/7', '', '{"a":[1,2]}', { b: null, c: null }],
  ['{"b":{body./a/length}}', '/u/7', '', '{"a":"text"}', { b: null }],
  ['{"b":{body./toString}}', '/u/7', '', '{"a":1}', { b: null }],
  ['{"b":{body./x}}', '/u/7', '', '', { b: null }],
  ['{"b":{body}}', '/u/7', '', 'plain "text"', { b: 'plain "text"' }],
  ['{"e":"${7*7} #{{T(java)} <%= 1 %>"}', '/u/7', '', '', { e: '${7*7} #{T(java)} <%= 1 %>' }],
  ['{"e":"{{param.id}"}', '/u/7', '', '', { e: '{param.id}' }],
]

test('the upstream is sent what the template makes of the request, and always JSON', async (t) => {
  for (const [template, path, fields, body, sent] of requests) {
    const recording = await openRecording(t)
    const route = routeTo([{ kind: 'request-template', body: template }])
    const proxy = await openProxy(t, [route], upstreams(recording))
    const kept = 'Content-Type: text/plain\r\nContent-MD5: x\r\nX-Kept: y\r\n'
    const { status } = await askRaw(proxy.port, post(path, body, fields + kept))
    assert.equal(status, 200, template)
    const [seen] = recording.seen
    assert.deepEqual(JSON.parse(seen!.body.toString()), sent, template)
    assert.deepEqual(valuesOf(seen!, 'content-type'), ['application/json'])
    assert.deepEqual(valuesOf(seen!, 'content-length'), [String(seen!.body.length)])
    assert.deepEqual([valuesOf(seen!, 'content-md5'), valuesOf(seen!, 'x-kept')], [[], ['y']])
    assert.deepEqual(recording.faults, [])
  }
})

const strict = {
  kind: 'request-template',
  body: '{"a":{body./a},"q":"{query.q}"}',
  missing: 'refuse',
  maxBytes: 64,
}

const refused: readonly (readonly [string, string, number])[] = [
  ['no value in the query', post('/u/7', '{"a":1}'), 400],
  ['no value in the body', post('/u/7?q=1', '{"b":1}'), 400],
  ['no body', post('/u/7?q=1', ''), 400],
  ['no JSON', post('/u/7?q=1', '{"a":1'), 400],
  ['a key twice', post('/u/7?q=1', '{"a":1,"a":2}'), 400],
  ['a key of prototypes', post('/u/7?q=1', '{"a":1,"__proto__":{}}'), 400],
  ['too deep', post('/u/7?q=1', '['.repeat(60)), 400],
  ['an encoded body', post('/u/7?q=1', '{"a":1}', 'Content-Encoding: gzip\r\n'), 400],
  ['a body that is too long', post('/u/7?q=1', `{"a":"${'x'.repeat(64)}"}`), 413],
  [
    'a body that gets too long',
    `POST /u/7?q=1 HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n${'x'.repeat(80)}\r\n0\r\n\r\n`,
    413,
  ],
]

test('what is missing, or no JSON, or too long, is refused before the upstream is asked', async (t) => {
  const recording = await openRecording(t)
  const proxy = await openProxy(t, [routeTo([strict])], upstreams(recording))
  for (const [name, bytes, status] of refused) {
    const answer = await askRaw(proxy.port, bytes)
    assert.equal(answer.status, status, name)
    const code = status === 413 ? 'TURNOUT_BODY_TOO_LARGE' : 'TURNOUT_TEMPLATE_REQUEST'
    assert.equal(codeOf(answer), code)
  }
  assert.equal(recording.seen.length, 0)
  assert.equal((await askRaw(proxy.port, post('/u/7?q=1', '{"a":null}'))).status, 200)
  assert.deepEqual(proxy.errors, [])
  await proxy.quiet()
})

test('a mirror outside gets what the client sent, one inside what the template made', async (t) => {
  const [recording, outer, inner] = [
    await openRecording(t),
    await openRecording(t),
    await openRecording(t),
  ]
  const route = routeTo([
    { kind: 'mirror', upstream: 'outer' },
    { kind: 'request-template', body: '{"made":{body}}' },
    { kind: 'mirror', upstream: 'inner' },
  ])
  const proxy = await openProxy(
    t,
    [route],
    [...upstreams(recording), upstream('outer', [outer.url]), upstream('inner', [inner.url])],
  )
  await askRaw(proxy.port, post('/u/7', '{"a":1}'))
  await proxy.quiet()
  const bodies = [recording, outer, inner].map(({ seen }) =>
    seen.map(({ body }) => body.toString()),
  )
  assert.deepEqual(bodies, [['{"made":{"a":1}}'], ['{"a":1}'], ['{"made":{"a":1}}']])
})

const answerOf = (status: string, body: string, fields = ''): string =>
  `HTTP/1.1 ${status}\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`

/** Settings, the upstream's answer, and what the client gets. */
const answers: readonly (readonly [
  settings: object,
  answer: string,
  status: number,
  body: string,
])[] = [
  [
    { body: '{"data":{body},"id":"{param.id}"}' },
    answerOf('200 OK', '[1]'),
    200,
    '{"data":[1],"id":"7"}',
  ],
  [{ body: '{"fixed":true}' }, answerOf('201 Created', 'x'.repeat(99_999)), 201, '{"fixed":true}'],
  [{ body: '{"e":{body}}', when: 'error' }, answerOf('404 Not Found', 'gone'), 404, '{"e":"gone"}'],
  [{ body: '{"e":{body}}', when: 'error' }, answerOf('200 OK', 'fine'), 200, 'fine'],
  [{ body: '{"e":{body}}' }, answerOf('404 Not Found', 'gone'), 404, 'gone'],
  [
    { body: '{"e":{body}}', when: 'always' },
    answerOf('302 Found', 'to', 'Location: /\r\n'),
    302,
    'to',
  ],
  [{ body: '{"a":{body./a}}' }, answerOf('200 OK', 'no JSON'), 502, 'TURNOUT_TEMPLATE_ANSWER'],
  [
    { body: '{"a":{body./a}}', missing: 'refuse' },
    answerOf('200 OK', '{}'),
    502,
    'TURNOUT_TEMPLATE_ANSWER',
  ],
  [
    { body: '{body}', maxBytes: 10 },
    answerOf('200 OK', '"0123456789"'),
    502,
    'TURNOUT_TEMPLATE_ANSWER',
  ],
  [
    { body: '{body}' },
    answerOf('200 OK', 'xx', 'Content-Encoding: gzip\r\n'),
    502,
    'TURNOUT_TEMPLATE_ANSWER',
  ],
  [
    { body: 'Hello {body./name}', contentType: 'text/plain' },
    answerOf('200 OK', '{"name":"<b>"}'),
    200,
    'Hello <b>',
  ],
]

test('the client is sent what the template makes of the answer', async (t) => {
  for (const [settings, answer, status, body] of answers) {
    const recording = await openRecording(t, { answer: () => answer })
    const route = routeTo([{ kind: 'response-template', ...settings }])
    const proxy = await openProxy(t, [route], upstreams(recording))
    const fields = 'Range: bytes=0-1\r\nAccept-Encoding: gzip\r\n'
    const got = await askRaw(proxy.port, get('/u/7', fields))
    assert.equal(got.status, status, JSON.stringify(settings))
    assert.equal(body.startsWith('TURNOUT_') ? codeOf(got) : got.body, body)
    assert.equal(fieldOf(got, 'content-length'), String(got.body.length))
    assert.deepEqual(valuesOf(recording.seen[0]!, 'range'), [])
    assert.deepEqual(proxy.errors, [])
    await proxy.quiet()
  }
})

test('of HEAD, 204 and 304 there is no body to make', async (t) => {
  const recording = await openRecording(t, {
    answer: ({ target }) =>
      target.endsWith('head')
        ? 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\nETag: "a"\r\n\r\n'
        : `HTTP/1.1 ${target.slice(-3)} X\r\n\r\n`,
  })
  const route = routeTo([{ kind: 'response-template', body: '{}', when: 'always' }])
  const proxy = await openProxy(t, [route], upstreams(recording))
  const head = await askRaw(proxy.port, get('/u/head', '', 'HEAD'))
  assert.deepEqual(
    [head.status, fieldOf(head, 'etag'), fieldOf(head, 'content-length') === '99'],
    [200, undefined, false],
  )
  for (const status of [204, 304]) {
    const got = await askRaw(proxy.port, get(`/u/${status}`))
    assert.deepEqual([got.status, got.body, fieldOf(got, 'content-type')], [status, '', undefined])
  }
})

test('whatever stands for a placeholder, a template of JSON makes the JSON that is meant', () => {
  const fill = fillBody({
    kind: 'request-template',
    contentType: 'application/json',
    body: '{"in":"<{param.id}>","of":{param.id},"b":{body}}',
    missing: 'empty',
    maxBytes: 65_536,
  })
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 4 }), (id, body) => {
      const { exchange } = openExchange({ params: { id } })
      const text = JSON.stringify(body)
      fc.pre(!/"(?:__proto__|constructor|prototype)"/.test(text))
      const made = fill(exchange, Buffer.from(text))
      assert.ok('body' in made)
      assert.deepEqual(JSON.parse(made.body), { in: `<${id}>`, of: id, b: JSON.parse(text) })
    }),
  )
})
