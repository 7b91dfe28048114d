import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { parseRoute } from '../../src/core/route/parse.ts'
import type { Route } from '../../src/core/route/route.ts'
import { Reply } from '../../src/gateway/reply.ts'
import type { Handler } from '../../src/gateway/snapshot.ts'
import { registerForeign, type NodeApp } from '../../src/modules/foreign.ts'
import { askRaw, fieldOf, get, type Answer } from './support/client.ts'
import { openProxy, type Proxy } from './support/proxy.ts'
import { openRecording } from './support/recording.ts'

const data = (definition: object): Route => {
  const own = definition as { readonly id: string }
  const target = { respond: { status: 200, body: own.id } }
  const { route, problems } = parseRoute(
    { methods: ['GET'], target, ...definition },
    { owner: 'admin', pointer: '' },
  )
  assert.deepEqual(problems ?? [], [])
  return route!
}

/** The same with code of this process as its target. */
const code = (definition: object, run: Handler): Route => ({
  ...data(definition),
  target: { kind: 'closure', run },
})

const nodeApp = (app: NodeApp): Handler => registerForeign(app, '')[0]!.handler

const ask = (proxy: Proxy, path: string, fields: string = '', method = 'GET'): Promise<Answer> =>
  askRaw(proxy.port, get(path, fields === '' ? '' : `${fields}\r\n`, method))

const valuesOf = ({ fields }: Answer, name: string): readonly string[] =>
  fields.filter(([one]) => one === name).map(([, value]) => value)

const problemOf = ({ body }: Answer): Readonly<Record<string, unknown>> =>
  JSON.parse(body) as Readonly<Record<string, unknown>>

const versions = [
  data({ id: 'one', path: '/users', version: '1.0.0' }),
  data({ id: 'two', path: '/users', version: '2.0.0' }),
  data({ id: 'next', path: '/users', version: '3.0.0', weight: { group: 'g', weight: 0 } }),
]

test('a version that nobody has is 406, and what is no version 400, both with those that are live', async (t) => {
  const proxy = await openProxy(t, versions)
  for (const [asked, status, error] of [
    ['7', 406, 'TURNOUT_VERSION_UNAVAILABLE'],
    ['newest', 400, 'TURNOUT_VERSION_INVALID'],
  ] as const) {
    const answer = await ask(proxy, '/users', `X-API-Version: ${asked}`)
    assert.equal(answer.status, status)
    assert.equal(fieldOf(answer, 'content-type'), 'application/problem+json')
    assert.deepEqual(valuesOf(answer, 'vary'), ['X-API-Version, X-Turnout-Labels'])
    const problem = problemOf(answer)
    assert.equal(problem['code'], error)
    assert.deepEqual(problem['versions'], ['2.0.0', '1.0.0'])
    assert.match(String(problem['detail']), new RegExp(`"${asked}"`))
  }
  // What a client sends must not leave its quotes.
  const evil = problemOf(await ask(proxy, '/users', `X-API-Version: "},{"a":"${'b'.repeat(300)}`))
  assert.equal(evil['code'], 'TURNOUT_VERSION_INVALID')
  assert.ok(String(evil['detail']).length < 300)
  assert.deepEqual(proxy.errors, [])
})

test('answers of a place with versions or labels say so in Vary, in one field with what they say themselves', async (t) => {
  const recording = await openRecording(t, {
    answer: ({ target }) =>
      `HTTP/1.1 200 OK\r\nVary: ${target.slice('/far?'.length)}\r\nVary: Origin\r\nContent-Length: 2\r\n\r\nok`,
  })
  const key = { kind: 'header', name: 'X-User' }
  const cohort = {
    predicates: [{ kind: 'cookie', name: 'tier', equals: 'high' }],
    weight: 1,
  }
  const proxy = await openProxy(t, [
    ...versions,
    data({ id: 'plain', path: '/plain' }),
    data({ id: 'far', path: '/far', version: '1.0.0', target: { uri: recording.url } }),
    data({ id: 'shop', path: '/shop' }),
    data({ id: 'canary', path: '/shop', labels: { canary: 'true' } }),
    data({ id: 'left', path: '/sides', weight: { group: 's', weight: 1, key } }),
    data({ id: 'right', path: '/sides', weight: { group: 's', weight: 1, key, cohort } }),
    data({ id: 'gold', path: '/gold', predicates: [{ kind: 'header', name: 'X-Plan' }] }),
    data({ id: 'rest', path: '/*rest' }),
    data({ id: 'hidden', path: '/hidden', labels: { beta: 'true' } }),
  ])
  const told = async (path: string, fields = '', method = 'GET'): Promise<readonly string[]> =>
    valuesOf(await ask(proxy, path, fields, method), 'vary')
  const both = 'X-API-Version, X-Turnout-Labels'
  assert.deepEqual(await told('/users'), [both])
  assert.deepEqual(await told('/users', 'X-API-Version: 1.0.0'), [both])
  assert.deepEqual(await told('/users', '', 'HEAD'), [both])
  assert.deepEqual(await told('/plain'), [])
  assert.deepEqual(await told('/far?Accept'), [`Accept, Origin, ${both}`])
  assert.deepEqual(await told('/far?x-api-version'), ['x-api-version, Origin, X-Turnout-Labels'])
  assert.deepEqual(await told('/far?*'), ['*', 'Origin'])
  assert.deepEqual(await told('/shop'), ['X-Turnout-Labels'])
  assert.deepEqual(await told('/sides'), ['x-user, Cookie'])
  assert.deepEqual(await told('/gold', 'X-Plan: gold'), [])
  // Somebody else would get another answer from a place that was passed over.
  const elsewhere = await ask(proxy, '/hidden')
  assert.equal(elsewhere.body, 'rest')
  assert.deepEqual(valuesOf(elsewhere, 'vary'), ['X-Turnout-Labels'])
  assert.deepEqual(proxy.errors, [])
})

const lifecycle = {
  state: 'deprecated',
  deprecatedAt: '2026-01-01T00:00:00Z',
  sunsetAt: '2999-12-31T23:59:59Z',
  gone: true,
  links: {
    deprecation: 'https://example.org/why',
    sunset: 'https://example.org/when',
    successor: '/v2/users',
  },
}
const links =
  '<https://example.org/why>; rel="deprecation", <https://example.org/when>; rel="sunset", </v2/users>; rel="successor-version"'

const assertAnnounced = (answer: Answer, own: readonly string[] = []): void => {
  assert.deepEqual(valuesOf(answer, 'deprecation'), ['@1767225600'])
  assert.deepEqual(valuesOf(answer, 'sunset'), ['Tue, 31 Dec 2999 23:59:59 GMT'])
  assert.deepEqual(valuesOf(answer, 'link'), [...own, links])
}

async function openKinds(t: TestContext): Promise<Proxy> {
  const recording = await openRecording(t, {
    answer: () =>
      'HTTP/1.1 200 OK\r\nLink: </own>; rel="next"\r\nSunset: never\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfar\r\n0\r\n\r\n',
  })
  const parts = { lifecycle }
  return openProxy(t, [
    data({ ...parts, id: 'data', path: '/data' }),
    data({ ...parts, id: 'far', path: '/far', target: { uri: recording.url } }),
    code({ ...parts, id: 'text', path: '/text' }, () => new Reply(200, [], 'text')),
    code({ ...parts, id: 'later', path: '/later' }, async () => {
      await Promise.resolve()
      return new Reply(201, ['link', '</own>; rel="next"'], 'later')
    }),
    code({ ...parts, id: 'stream', path: '/stream' }, () => {
      async function* pieces(): AsyncGenerator<string> {
        yield 'str'
        yield 'eam'
      }
      return new Reply(200, [], pieces())
    }),
    code(
      { ...parts, id: 'node', path: '/node', version: '1.0.0' },
      nodeApp((_, response) => {
        response.setHeader('x-own', '1')
        response.end('node')
      }),
    ),
    data({ id: 'node-2', path: '/node', version: '2.0.0', labels: { beta: 'true' } }),
    code({ id: 'current', path: '/current' }, () => new Reply(200, [], 'current')),
  ])
}

test('a lifecycle is announced on every kind of answer: data, forwarded, at once, later, streamed, of a Node app', async (t) => {
  const proxy = await openKinds(t)
  const own = '</own>; rel="next"'
  for (const [path, status, body, links] of [
    ['/data', 200, 'data', []],
    ['/far', 200, 'far', [own]],
    ['/text', 200, 'text', []],
    ['/later', 201, 'later', [own]],
    ['/stream', 200, 'stream', []],
    ['/node', 200, 'node', []],
  ] as const) {
    const answer = await ask(proxy, path)
    assert.equal(answer.status, status, path)
    assert.equal(answer.body, body)
    assertAnnounced(answer, links)
  }
  const app = await ask(proxy, '/node')
  assert.equal(fieldOf(app, 'x-own'), '1')
  assert.deepEqual(valuesOf(app, 'vary'), ['X-API-Version, X-Turnout-Labels'])
  const plain = await ask(proxy, '/current')
  for (const name of ['deprecation', 'sunset', 'link', 'vary'])
    assert.deepEqual(valuesOf(plain, name), [])
  assert.deepEqual(proxy.errors, [])
})

test('what is retired, or past its sunset date, is 410 with the way to its successor and the versions that live', async (t) => {
  const past = { ...lifecycle, sunsetAt: '2026-02-01T00:00:00Z' }
  const proxy = await openProxy(t, [
    data({ id: 'alone', path: '/alone', lifecycle: past }),
    data({ id: 'kept', path: '/kept', lifecycle: { ...past, gone: false } }),
    data({ id: 'one', path: '/users', version: '1.0.0', lifecycle: { state: 'retired' } }),
    data({ id: 'two', path: '/users', version: '2.0.0', lifecycle: past }),
    data({ id: 'three', path: '/users', version: '3.0.0' }),
    data({ id: 'last', path: '/last', version: '1.0.0', lifecycle: { state: 'retired' } }),
    data({ id: 'last-2', path: '/last', version: '2.0.0', lifecycle: { state: 'retired' } }),
  ])
  const gone = await ask(proxy, '/users', 'X-API-Version: 2')
  assert.equal(gone.status, 410)
  assert.deepEqual(valuesOf(gone, 'sunset'), ['Sun, 01 Feb 2026 00:00:00 GMT'])
  assert.deepEqual(valuesOf(gone, 'link'), [links])
  assert.deepEqual(problemOf(gone), {
    title: 'Gone',
    status: 410,
    code: 'TURNOUT_VERSION_GONE',
    detail: 'Version 2.0.0 is no longer served',
    versions: ['3.0.0'],
    successor: '/v2/users',
  })
  const told = async (path: string, version = ''): Promise<string> => {
    const fields = version === '' ? '' : `X-API-Version: ${version}`
    const answer = await ask(proxy, path, fields)
    return answer.status === 200
      ? answer.body
      : `${answer.status} ${String(problemOf(answer)['detail'])}`
  }
  assert.equal(await told('/users'), 'three')
  assert.equal(await told('/users', '>=1'), 'three')
  assert.equal(await told('/users', '1.0.0'), '410 Version 1.0.0 is no longer served')
  assert.equal(await told('/last'), '410 Version 2.0.0 is no longer served')
  assert.equal(await told('/alone'), '410 Version alone is no longer served')
  assert.equal(await told('/kept'), 'kept')
  assert.deepEqual(proxy.errors, [])
})

test('a version that comes or goes counts from the next request on, whatever was asked for before', async (t) => {
  const proxy = await openProxy(t, versions)
  const asked = async (version: string): Promise<string> =>
    (await ask(proxy, '/users', `X-API-Version: ${version}`)).body.slice(0, 12)
  assert.equal(await asked('>=1'), 'two')
  await proxy.publish([data({ id: 'three', path: '/users', version: '2.5.0' })])
  assert.equal(await asked('>=1'), 'three')
  await proxy.publish([], [], ['two', 'three'])
  assert.equal(await asked('>=1'), 'one')
})
