import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isApplied, save } from '../hot/support/served.ts'
import { byUser, openRoad, quickly, version, type Road } from './support/rollout.ts'
import { startTraffic, versionOf } from './support/traffic.ts'

const plan = { ...byUser, steps: ['weight 20', 'pause', 'weight 60', 'watch 10m'] }
const respond = (text: string): object => ({ respond: { status: 200, body: text } })
const shop = { id: 'shop', path: '/shop', target: respond('A') }
const cart = { id: 'cart', path: '/cart', target: { upstream: 'carts' } }
const carts = { name: 'carts', endpoints: [{ url: 'http://127.0.0.1:9' }] }

/** `STATUS CODE` of a refusal, or the status where there is none. */
async function answerOf(
  { instance }: Road,
  method: string,
  path: string,
  body?: unknown,
): Promise<string> {
  const headers = { 'if-match': '*' }
  const sending = { headers, ...(body === undefined ? {} : { body }) }
  const answer = await instance.send(method, path, sending)
  return `${answer.status} ${answer.body?.code ?? ''}`.trim()
}

/** `users` 1.3.0 in a file, a route and an upstream. */
async function openShop(t: Parameters<typeof openRoad>[0]): Promise<Road> {
  const road = await openRoad(t, { 'users.js': version('1.3.0') })
  const file = road.write('all.yaml', { routes: [shop, cart], upstreams: [carts] })
  const { code, err } = await road.turnout('publish', file)
  assert.equal(code, 0, err)
  return road
}

test('a rollout is moved by hand over the API, and says no where it does not stand for it', async (t) => {
  const road = await openShop(t)
  const ask = (method: string, path: string, body?: unknown): Promise<string> =>
    answerOf(road, method, path, body)
  const verbs = ['pause', 'resume', 'promote', 'abort']
  for (const verb of verbs)
    assert.equal(await ask('POST', `/api/rollouts/shop/${verb}`), '404 TURNOUT_ROLLOUT_UNKNOWN')
  assert.equal(await ask('GET', '/api/rollouts/shop'), '404 TURNOUT_ROLLOUT_UNKNOWN')
  const starts: readonly (readonly [object, string])[] = [
    [{ module: 'users@2.0.0', plan }, '409 TURNOUT_ROLLOUT_SUBJECT'],
    [{ module: 'nobody@2.0.0', plan }, '409 TURNOUT_ROLLOUT_SUBJECT'],
    [{ route: shop, plan }, '409 TURNOUT_ROLLOUT_SUBJECT'],
    [{ route: { ...shop, path: '/store' }, plan }, '409 TURNOUT_ROLLOUT_SUBJECT'],
    [{ route: { ...shop, id: 'nobody' }, plan }, '409 TURNOUT_ROLLOUT_SUBJECT'],
    [{ upstream: { ...carts, name: 'nobody' }, plan }, '409 TURNOUT_ROLLOUT_SUBJECT'],
    [
      { route: { ...shop, target: respond('B') }, plan: { steps: ['analysis'] } },
      '422 TURNOUT_INPUT_INVALID',
    ],
    [{ route: { ...shop, target: respond('B') }, plan }, '201'],
    [{ route: { ...shop, target: respond('C') }, plan }, '409 TURNOUT_ROLLOUT_RUNNING'],
  ]
  for (const [body, expected] of starts)
    assert.equal(await ask('POST', '/api/rollouts', body), expected, JSON.stringify(body))

  await road.until('shop', ({ status }) => status === 'paused')
  const moves: readonly (readonly [string, string, string])[] = [
    ['pause', '409 TURNOUT_ROLLOUT_STATE', 'paused'],
    ['promote', '200', 'watching'],
    ['pause', '409 TURNOUT_ROLLOUT_STATE', 'watching'],
    ['resume', '409 TURNOUT_ROLLOUT_STATE', 'watching'],
    ['abort', '200', 'aborted'],
    ...verbs.map((verb) => [verb, '409 TURNOUT_ROLLOUT_STATE', 'aborted'] as const),
  ]
  for (const [verb, expected, status] of moves) {
    assert.equal(await ask('POST', `/api/rollouts/shop/${verb}`), expected, verb)
    assert.equal((await road.rollout('shop')).status, status, verb)
  }
  assert.equal((await road.instance.ask('/shop')).text, 'A')

  // Another one may begin; held in a step of its own, it goes on and is promoted twice: the watch ends.
  const slow = { ...plan, steps: ['weight 20', 'pause 10m', 'watch 10m'] }
  assert.equal(
    await ask('POST', '/api/rollouts', { route: { ...shop, target: respond('B') }, plan: slow }),
    '201',
  )
  await road.until('shop', ({ step }) => step === 1)
  for (const [verb, status] of [
    ['pause', 'paused'],
    ['resume', 'running'],
    ['promote', 'watching'],
    ['promote', 'promoted'],
  ] as const) {
    assert.equal(await ask('POST', `/api/rollouts/shop/${verb}?reason=by%20hand`), '200', verb)
    const { status: now, reason } = await road.rollout('shop')
    assert.deepEqual([now, reason], [status, 'by hand'])
  }
  assert.equal((await road.instance.ask('/shop')).text, 'B')
})

test('what is rolled out is not edited by another way, and the refusal names the rollout', async (t) => {
  const road = await openShop(t)
  const { turnout, write, until } = road
  const file = write('users.js', version('2.0.0'))
  const wanted = [
    ['shop', '--route', write('shop.yaml', { ...shop, target: respond('B') })],
    ['carts', '--upstream', write('c.yaml', { ...carts, endpoints: [{ url: 'http://[::1]:9' }] })],
    ['users', file],
  ] as const
  for (const [id, ...words] of wanted) {
    await turnout('rollout', 'start', ...words, '--plan', write('plan.yaml', plan))
    await until(id, ({ status }) => status === 'paused')
  }
  const before = await road.instance.send('GET', '/api/status')
  const edits: readonly (readonly [string, string, unknown?])[] = [
    ['PUT', '/api/routes/shop', { ...shop, target: respond('C') }],
    ['PATCH', '/api/routes/shop', { order: 3 }],
    ['PATCH', '/api/routes/shop', { enabled: false }],
    ['DELETE', '/api/routes/shop'],
    ['DELETE', '/api/routes/shop%40canary'],
    ['PUT', '/api/routes/cart', { ...cart, target: respond('C') }],
    ['DELETE', '/api/routes/cart%40canary'],
    ['PUT', '/api/upstreams/carts', { ...carts, endpoints: [{ url: 'http://127.0.0.1:8' }] }],
    ['PATCH', `/api/routes/${encodeURIComponent('users#GET /users')}`, { enabled: false }],
  ]
  for (const edit of edits)
    assert.equal(await answerOf(road, ...edit), '409 TURNOUT_ROLLOUT_RUNNING', edit.join(' '))
  const edited = write('other.yaml', { ...shop, target: respond('C') })
  const { code, err } = await turnout('publish', edited, '--force')
  assert.equal(code, 1)
  assert.match(
    err,
    /TURNOUT_ROLLOUT_RUNNING {2}The rollout shop is under way\n {4}to do `turnout rollout promote`/,
  )
  const after = await road.instance.send('GET', '/api/status')
  assert.equal(after.body.revision, before.body.revision)
  const other = { ...shop, id: 'other', path: '/other' }
  assert.equal(await answerOf(road, 'POST', '/api/routes', other), '201', 'others are')
})

test('a file that is replaced in the middle ends the rollout: it is superseded, and the file serves', async (t) => {
  const road = await openRoad(t, { 'users.js': version('1.3.0') })
  const { instance, turnout, write, until } = road
  const traffic = startTraffic(t, instance.port)
  const file = write('users.js', version('2.0.0'))
  const words = [
    'rollout',
    'start',
    file,
    '--plan',
    write('plan.yaml', { ...plan, analysis: quickly }),
  ]
  const started = turnout(...words, '--follow')
  await until('users', ({ status }) => status === 'paused')
  save(road.served, 'users.js', version('1.4.0'))
  const { code, out } = await started
  assert.equal(code, 1)
  assert.match(
    out,
    /✗ users 1\.3\.0 → 2\.0\.0 {2}superseded: one of its versions was replaced or removed$/m,
  )
  await traffic.more(50)
  const before = traffic.answers.get('200 1.4.0')!
  await traffic.more(200)
  assert.ok(traffic.answers.get('200 1.4.0')! >= before + 190, 'nobody is served by another one')
  await traffic.stop()
  assert.deepEqual([...traffic.answers.keys()].sort(), ['200 1.3.0', '200 1.4.0', '200 2.0.0'])
  const { out: versions } = await turnout('versions')
  assert.match(versions, /^NAME .*\nusers +1\.4\.0 +current +- .*\n$/)
})

test('a folder of versions: a new one waits in the isolation zone until it is rolled out', async (t) => {
  const road = await openRoad(t, { 'users/1.3.0.js': version('1.3.0') })
  const { instance, turnout, write } = road
  const { port } = instance
  const traffic = startTraffic(t, port)
  const applied = instance.next(isApplied('users@2.0.0', '2.0.0'))
  save(road.served, 'users/2.0.0.js', version('2.0.0'))
  await applied
  await traffic.more(500)
  assert.deepEqual([...traffic.answers.keys()], ['200 1.3.0'])

  const asked = (wanted: string): Promise<{ readonly status: number; readonly version: string }> =>
    versionOf(port, '/users', { 'x-api-version': wanted })
  const live = async (shown: readonly string[]): Promise<void> => {
    assert.equal((await asked('2.0.0')).version, '2.0.0')
    assert.equal((await asked('1.3.0')).version, '1.3.0')
    assert.equal((await asked('^1')).version, '1.3.0')
    const { status, body } = await instance.askAs(`http://127.0.0.1:${port}`, 'GET', '/users', {
      headers: { 'x-api-version': '9.0.0' },
    })
    assert.equal(status, 406)
    assert.deepEqual(body.versions, shown)
  }
  // Who does not know of it is not told.
  await live(['1.3.0'])

  const steps = ['weight 20', 'pause', 'weight 100', 'watch 1s']
  const file = write('plan.yaml', { ...byUser, steps, analysis: quickly })
  const following = turnout('rollout', 'start', 'users@2.0.0', '--plan', file, '--follow')
  await road.until('users', ({ status }) => status === 'paused')
  await live(['2.0.0', '1.3.0'])
  assert.equal(
    (await versionOf(port, '/users', { 'x-turnout-labels': 'canary=true' })).version,
    '2.0.0',
  )
  await turnout('rollout', 'resume', 'users')
  const { code, out, err } = await following
  assert.equal(code, 0, out + err)
  await live(['2.0.0', '1.3.0'])
  assert.equal((await versionOf(port, '/users')).version, '2.0.0')
  const newest = traffic.answers.get('200 1.3.0')
  await traffic.more(200)
  assert.equal(traffic.answers.get('200 1.3.0'), newest)
})

test('a rollback behind its start takes a rollout away, one into its middle holds it there', async (t) => {
  const road = await openRoad(t, { 'users.js': version('1.3.0') })
  const { instance, turnout, write, until } = road
  const words = [write('users.js', version('2.0.0')), '--plan', write('plan.yaml', plan)]
  const following = turnout('rollout', 'start', ...words, '--follow')
  const { revision } = await until('users', ({ status }) => status === 'paused')
  await turnout('rollback', '1', '--reason', 'all of it')
  const { code, err } = await following
  assert.equal(code, 1)
  assert.match(err, /TURNOUT_ROLLOUT_UNKNOWN/)
  assert.equal(await answerOf(road, 'GET', '/api/rollouts/users'), '404 TURNOUT_ROLLOUT_UNKNOWN')
  assert.equal((await versionOf(instance.port, '/users')).version, '1.3.0')

  await turnout('rollback', String(revision), '--reason', 'no, the middle')
  const { status, weight } = await road.rollout('users')
  assert.deepEqual([status, weight], ['paused', 20])
  await turnout('rollout', 'promote', 'users')
  await turnout('rollout', 'promote', 'users')
  assert.equal((await versionOf(instance.port, '/users')).version, '2.0.0')
})
