import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createAdminClient, type AdminClient } from '../../src/admin/client.ts'
import { createTurnout, type Turnout, type TurnoutOptions } from '../../src/turnout.ts'
import { ask } from './open.ts'

const route = (id: string, version: string, rest: object = {}): { readonly [key: string]: never } =>
  ({
    id,
    path: '/users',
    version,
    target: { respond: { status: 200, body: id } },
    ...rest,
  }) as never

async function open(
  t: TestContext,
  options: TurnoutOptions,
): Promise<{ readonly turnout: Turnout; readonly client: AdminClient }> {
  const directory = mkdtempSync(join(tmpdir(), 'turnout-versions-'))
  const turnout = createTurnout({ logger: false, ...options })
  t.after(async () => {
    await turnout.close(1_000)
    rmSync(directory, { recursive: true, force: true })
  })
  const { url, firstToken } = await turnout.admin({ port: 0, directory })
  const client = createAdminClient({ url, token: firstToken.token })
  const put = [
    route('one', '1.0.0'),
    route('two', '2.0.0', { lifecycle: { state: 'maintenance' } }),
    route('canary', '2.1.0', { labels: { canary: 'true' } }),
    route('old', '0.9.0', { lifecycle: { state: 'retired' } }),
  ]
  const made = await client.change({ body: { routes: { put } } })
  assert.equal(made.ok, true, JSON.stringify(made))
  return { turnout, client }
}

const told = async (turnout: Turnout, path: string, headers = {}): Promise<string> => {
  const { status, text } = await ask(turnout, path, { headers })
  return status === 200 ? text : String(status)
}

test('an instance says where it is asked for versions and labels', async (t) => {
  const { turnout } = await open(t, {
    versions: { header: 'Accept-Version', query: 'v', mediaType: 'version' },
    labels: {
      cookie: 'labels',
      rules: [
        {
          predicates: [{ kind: 'header', name: 'User-Tier', equals: 'high' }],
          labels: { canary: 'true' },
        },
      ],
    },
  })
  assert.equal(await told(turnout, '/users'), 'two')
  assert.equal(await told(turnout, '/users', { 'X-API-Version': '1' }), 'two')
  assert.equal(await told(turnout, '/users', { 'Accept-Version': '1' }), 'one')
  assert.equal(await told(turnout, '/users?v=1'), 'one')
  assert.equal(await told(turnout, '/users', { Accept: 'text/html; version=1.0' }), 'one')
  assert.equal(await told(turnout, '/users', { Cookie: 'labels=canary=true' }), 'canary')
  assert.equal(await told(turnout, '/users', { 'User-Tier': 'high' }), 'canary')
  assert.equal(await told(turnout, '/users?v=7'), '406')
  assert.equal(await told(turnout, '/users?v=newest'), '400')
  assert.equal(await told(turnout, '/users?v=0.9.0'), '410')
})

test('a path that differs by its slash alone is refused as the path itself is', async (t) => {
  const asked = { 'X-API-Version': '7' }
  for (const [trailingSlash, expected] of [
    ['strict', '404'],
    ['redirect', '308'],
    ['ignore', '406'],
  ] as const) {
    const { turnout } = await open(t, { trailingSlash })
    assert.equal(await told(turnout, '/users/', asked), expected)
  }
})

test('a probe tells who serves and why, and who was passed over for its version or its lifecycle', async (t) => {
  const { turnout, client } = await open(t, { versions: { query: 'v' } })
  const { route, choice } = turnout.probe('GET', '/users')
  assert.deepEqual([route?.id, route?.state, route?.isGone], ['two', 'maintenance', false])
  assert.deepEqual(choice, {
    by: 'highest',
    version: null,
    labels: {},
    passedOver: [
      { id: 'canary', version: '2.1.0', because: 'its labels were not asked for' },
      { id: 'old', version: '0.9.0', because: 'it is retired' },
      { id: 'one', version: '1.0.0', because: 'another version is higher' },
    ],
  })
  const named = turnout.probe('GET', '/users', {
    headers: { 'X-Turnout-Labels': 'canary=true' },
  })
  assert.deepEqual([named.route?.id, named.choice?.by], ['canary', 'labels'])
  const gone = turnout.probe('GET', '/users?v=0.9.0')
  assert.deepEqual([gone.route?.id, gone.route?.isGone, gone.choice?.by], ['old', true, 'version'])
  const refused = await client.probe({ body: { method: 'GET', url: '/users?v=7' } })
  assert.equal(refused.ok, true)
  assert.deepEqual(
    (refused as unknown as { readonly body: { readonly refusal: unknown } }).body.refusal,
    {
      code: 'TURNOUT_VERSION_UNAVAILABLE',
      detail: 'No live version serves a request for "7"',
      versions: ['2.0.0', '1.0.0'],
    },
  )
  assert.equal(turnout.probe('GET', '/users').refusal, null)
})

for (const [options, message] of [
  [{ versions: { heder: 'x' } }, /versions\.heder .*did you mean header/],
  [{ versions: { header: 'a b' } }, /versions\.header .*no name of a header/],
  [{ versions: { segment: -1 } }, /versions\.segment .*0 to 63/],
  [
    { labels: { rules: [{ predicates: [], labels: {} }] } },
    /labels\.rules\.0\.predicates .*at least 1/,
  ],
  [
    { labels: { rules: [{ predicates: [{ kind: 'hedaer' }], labels: {} }] } },
    /labels\.rules\.0\.predicates\.0\.kind/,
  ],
  [{ labels: 'x' }, /labels .*an object/],
] as const)
  test(`settings that would do nothing are refused: ${JSON.stringify(options)}`, () => {
    assert.throws(() => createTurnout(options as unknown as TurnoutOptions), {
      code: 'TURNOUT_OPTION_INVALID',
      message,
    })
  })
