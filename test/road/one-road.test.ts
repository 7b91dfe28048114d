import assert from 'node:assert/strict'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createAdminClient } from '../../src/admin/client.ts'
import { openTurnout } from '../../src/turnout.ts'
import { isApplied, makeFolder, save } from '../hot/support/served.ts'
import { artifactOf, moduleText } from './support/artifact.ts'
import { dataFolder, startInstance, type Answer, type Instance } from './support/instance.ts'

const routeTo = (id: string, path: string, body: string = id): object => ({
  id,
  methods: ['GET'],
  path,
  target: { respond: { status: 200, body } },
})

/** A folder with one module, its data folder, and how an instance is started on them. */
function place(t: TestContext): {
  readonly folder: string
  readonly data: string
  readonly start: () => Promise<Instance>
} {
  const folder = makeFolder(t, { 'users.js': moduleText('users', 1) })
  const data = dataFolder(t, folder)
  return {
    folder,
    data,
    start: () => startInstance(t, folder, { data, words: ['--workers', '1'] }),
  }
}

const kill = async ({ pid, ended }: Instance): Promise<void> => {
  process.kill(pid, 'SIGKILL')
  await ended
}

const textAt = async ({ ask }: Instance, path: string): Promise<string> => {
  const { status, text } = await ask(path)
  return status === 200 ? text : String(status)
}

const ownersOf = async ({ send }: Instance): Promise<Readonly<Record<string, boolean>>> => {
  const { items } = (await send('GET', '/api/owners')).body
  return Object.fromEntries(
    (items as { owner: string; isDiverged: boolean }[]).map((one) => [one.owner, one.isDiverged]),
  )
}

const historyOf = async ({ send }: Instance): Promise<readonly Answer['body'][]> =>
  (await send('GET', '/api/revisions?limit=1000')).body.items

const saved = async (instance: Instance, folder: string, version: number): Promise<void> => {
  const applied = instance.next(isApplied('users', `${version}.0.0`))
  save(folder, 'users.js', moduleText('users', version))
  await applied
}

test('files, the admin API, its client and an embedding program make one history, without a gap', async (t) => {
  const { folder, data, start } = place(t)
  const instance = await start()
  const { send, admin, token } = instance
  const made = await send('POST', '/api/tokens', { body: { name: 'ann', scopes: ['write:admin'] } })
  const posted = await send('POST', '/api/routes?reason=by%20hand', {
    body: routeTo('a', '/a'),
    token: made.body.token,
  })
  assert.equal(posted.status, 201, posted.text)
  await saved(instance, folder, 2)
  const client = createAdminClient({ url: admin, token })
  const changed = await client.change({
    body: { routes: { put: [routeTo('b', '/b') as never] }, reason: 'by a program' },
  })
  assert.ok(changed.ok, JSON.stringify(changed))
  const rolled = await client.rollBack({ params: { number: '2' }, query: { reason: 'worse' } })
  assert.ok(rolled.ok, JSON.stringify(rolled))
  assert.equal(await instance.stop(), 0)

  const turnout = await openTurnout({ data, logger: false })
  try {
    const file = join(folder, '..', `${folder}-data`, 'orders.mjs')
    save(join(file, '..'), 'orders.mjs', moduleText('orders', 1))
    await turnout.update((change) => change.module(file), { author: 'program', reason: 'embedded' })
  } finally {
    await turnout.close()
  }

  const again = await start()
  const rows = await historyOf(again)
  const told = rows
    .filter(({ number }) => number !== null && number > 0)
    .map(({ number, author, reason }) => `${number} ${author}: ${reason}`)
  assert.deepEqual(told, [
    '6 program: embedded',
    '5 admin-token: worse',
    '4 admin-token: by a program',
    '3 files: users',
    '2 ann: by hand',
    '1 files: users',
  ])
  assert.equal(await textAt(again, '/orders'), 'orders 1')
  assert.equal(await textAt(again, '/users'), 'users 1')
})

test("no owner can touch what is another owner's", async (t) => {
  const { folder, start } = place(t)
  const instance = await start()
  const { send } = instance
  const upload = { name: 'parts', artifact: await artifactOf('parts', 1) }
  assert.equal((await send('POST', '/api/modules', { body: upload })).status, 201)
  assert.equal((await send('POST', '/api/routes', { body: routeTo('a', '/a') })).status, 201)
  const before = (await send('GET', '/api/status')).body
  const id = encodeURIComponent('users#GET /users')
  const theirs = { path: '/users', target: { respond: { status: 200 } } }
  const tries: readonly (readonly [string, string, unknown?])[] = [
    ['PUT', `/api/routes/${id}?force=true`, theirs],
    ['PATCH', `/api/routes/${id}?force=true`, { metadata: { a: 1 } }],
    ['DELETE', `/api/routes/${id}?force=true`],
    ['DELETE', '/api/modules/users?force=true'],
    ['POST', '/api/modules?force=true', { name: 'users', artifact: await artifactOf('users', 9) }],
    ['POST', '/api/changes?force=true', { routes: { remove: ['users#GET /users'] } }],
    ['POST', '/api/changes?force=true', { modules: { remove: ['users'] } }],
    [
      'POST',
      '/api/changes?force=true',
      { routes: { put: [{ id: 'users#GET /users', ...theirs }] } },
    ],
    ['DELETE', `/api/routes/${encodeURIComponent('parts#GET /parts')}?force=true`],
  ]
  for (const [method, target, body] of tries) {
    const { status, text } = await send(method, target, body === undefined ? {} : { body })
    assert.equal(status, 409, `${method} ${target}: ${text}`)
    assert.match(text, /files:users|admin:parts/)
  }
  // A file of a name that another source has, and one with a place that another has.
  for (const [name, text] of [
    ['parts', moduleText('parts', 2)],
    ['b', moduleText('b', 1, '/a')],
  ] as const) {
    const rejected = instance.next(({ event }) => event === 'rejected')
    save(folder, `${name}.js`, text)
    await rejected
  }
  const { revision, digest } = (await send('GET', '/api/status')).body
  assert.deepEqual([revision, digest], [before.revision, before.digest])
  assert.equal(await textAt(instance, '/parts'), 'parts 1')
  assert.equal(await textAt(instance, '/a'), 'a')
  assert.equal(await textAt(instance, '/users'), 'users 1')
})

test('a file and an admin route in conflict: both owners and a witness are named, the last good serves', async (t) => {
  const { folder, start } = place(t)
  const instance = await start()
  const { send } = instance
  const posted = await send('POST', '/api/routes', { body: routeTo('taken', '/users/:name') })
  assert.equal(posted.status, 201, posted.text)
  const rejected = instance.next(({ event }) => event === 'rejected')
  save(folder, 'users.js', moduleText('users', 2, '/users/:id'))
  const { problems } = (await rejected) as unknown as {
    problems: { code: string; message: string }[]
  }
  const [{ code, message } = { code: '', message: '' }] = problems
  assert.equal(code, 'TURNOUT_ROUTE_CONFLICT')
  for (const part of ['taken', 'admin', 'users#GET /users/:id', 'files:users', 'GET /users/'])
    assert.ok(message.includes(part), `${part} is not named: ${message}`)
  assert.equal(await textAt(instance, '/users'), 'users 1')
  assert.equal(await textAt(instance, '/users/list'), 'taken')
  const [row] = await historyOf(instance)
  assert.equal(row.number, null)
  assert.equal(row.state, 'rejected')

  // The other way round.
  const refused = await send('POST', '/api/routes', { body: routeTo('mine', '/users') })
  assert.equal(refused.status, 409)
  for (const part of ['mine', 'admin', 'users#GET /users', 'files:users'])
    assert.ok(refused.text.includes(part), `${part} is not named: ${refused.text}`)

  // What stood in the way goes, and the saved file goes live by itself.
  const applied = instance.next(isApplied('users', '2.0.0'))
  assert.equal((await send('DELETE', '/api/routes/taken?force=true')).status, 204)
  await applied
  assert.equal(await textAt(instance, '/users/7'), 'users 2')
})

test('after a rollback the owner is diverged, over a restart and a kill, until its file changes', async (t) => {
  const { folder, start } = place(t)
  const first = await start()
  await saved(first, folder, 2)
  const { status, text } = await first.send('POST', '/api/revisions/1/rollback')
  assert.equal(status, 200, text)
  assert.equal(await textAt(first, '/users'), 'users 1')
  assert.deepEqual(await ownersOf(first), { 'files:users': true })
  assert.equal(await first.stop(), 0)
  const second = await start()
  assert.equal(await textAt(second, '/users'), 'users 1')
  assert.deepEqual(await ownersOf(second), { 'files:users': true })
  await kill(second)
  const third = await start()
  assert.equal(await textAt(third, '/users'), 'users 1')
  assert.equal((await third.send('GET', '/api/status')).body.revision, 3)
  assert.deepEqual(await ownersOf(third), { 'files:users': true })
  await saved(third, folder, 3)
  assert.equal(await textAt(third, '/users'), 'users 3')
  assert.deepEqual(await ownersOf(third), { 'files:users': false })
})

test('a file that was removed, and one that was changed, while nothing ran', async (t) => {
  const { folder, start } = place(t)
  save(folder, 'orders.js', moduleText('orders', 1))
  const first = await start()
  assert.equal(await textAt(first, '/orders'), 'orders 1')
  await kill(first)
  rmSync(join(folder, 'orders.js'))
  save(folder, 'users.js', moduleText('users', 2))
  const second = await start()
  assert.equal(await textAt(second, '/orders'), '404')
  assert.equal(await textAt(second, '/users'), 'users 2')
  const [row] = await historyOf(second)
  assert.deepEqual([row.number, row.author, row.state], [2, 'files', 'current'])
  assert.deepEqual(await ownersOf(second), { 'files:users': false })
})

test('an artifact that is gone: loud; a file comes again by itself, an upload answers 503 until it is sent again', async (t) => {
  const { data, start } = place(t)
  const first = await start()
  const upload = { name: 'parts', artifact: await artifactOf('parts', 1) }
  assert.equal((await first.send('POST', '/api/modules', { body: upload })).status, 201)
  await kill(first)
  const folder = join(data, 'artifacts')
  assert.equal(readdirSync(folder).length, 2)
  for (const name of readdirSync(folder)) rmSync(join(folder, name))

  const second = await start()
  const told = second.events.filter(({ event }) => event === 'problem')
  assert.deepEqual(
    told.map(({ code }) => code),
    ['TURNOUT_ARTIFACT_MISSING', 'TURNOUT_ARTIFACT_MISSING'],
  )
  assert.equal(await textAt(second, '/users'), 'users 1')
  const missing = await second.ask('/parts')
  assert.equal(missing.status, 503)
  assert.match(missing.text, /TURNOUT_MODULE_NOT_LIVE/)
  const { notLive } = (await second.send('GET', '/api/status')).body
  assert.ok(notLive.includes('parts'), JSON.stringify(notLive))
  const again = await second.send('POST', '/api/modules?force=true', { body: upload })
  assert.ok(again.status < 300, again.text)
  assert.equal(await textAt(second, '/parts'), 'parts 1')
  await kill(second)
  const third = await start()
  assert.equal(await textAt(third, '/parts'), 'parts 1')
  assert.equal(await textAt(third, '/users'), 'users 1')
})

test('a durable store refuses handlers of the embedding program', async (t) => {
  const { data } = place(t)
  const turnout = await openTurnout({ data, logger: false })
  try {
    const isRefused = { code: 'TURNOUT_CLOSURE_DURABLE' }
    assert.throws(() => turnout.get('/a', (c) => c.text('a')), isRefused)
    await assert.rejects(
      turnout.update((change) => void change.get('/b', (c) => c.text('b'))),
      isRefused,
    )
    await assert.rejects(
      turnout.module({
        name: 'c',
        register: (routes) => void routes.get('/c', (c) => c.text('c')),
      }),
      isRefused,
    )
    assert.equal(turnout.revision, 0)
  } finally {
    await turnout.close()
  }
})

test('confirmWithin over kill -9: late is taken back, confirmed stays, what others did stays', async (t) => {
  const { start } = place(t)
  const first = await start()
  const { send } = first
  const put = (id: string, within: string): Promise<Answer> =>
    send('POST', `/api/routes?confirmWithin=${within}`, { body: routeTo(id, `/${id}`) })
  assert.equal((await put('late', '1s')).status, 201)
  const kept = await put('kept', '1s')
  const number = String(kept.headers['turnout-revision'])
  assert.equal((await send('POST', `/api/revisions/${number}/confirm`)).status, 200)
  assert.equal((await put('soon', '24h')).status, 201)
  const soon = String((await send('GET', '/api/status')).body.revision)
  assert.equal(
    (await send('POST', '/api/routes', { body: routeTo('plain', '/plain') })).status,
    201,
  )
  await kill(first)
  // The wait is the deadline itself, which passes while nothing runs.
  await new Promise((resolve) => setTimeout(resolve, 1_100))

  const second = await start()
  const isReverted = ({ event }: { event: string }): boolean => event === 'applied'
  if ((await second.ask('/late')).status === 200) await second.next(isReverted, 0)
  assert.equal(await textAt(second, '/late'), '404')
  for (const id of ['kept', 'soon', 'plain']) assert.equal(await textAt(second, `/${id}`), id)
  const confirmations = new Map(
    (await historyOf(second)).map(({ number, confirmation }) => [number, confirmation]),
  )
  assert.deepEqual([...confirmations].filter(([, one]) => one !== null).reverse(), [
    [2, 'reverted'],
    [3, 'confirmed'],
    [4, 'waiting'],
  ])
  const [row] = await historyOf(second)
  assert.deepEqual([row.author, row.takesBack], ['turnout', 2])
  assert.equal((await second.send('POST', `/api/revisions/2/confirm`)).status, 409)
  assert.equal((await second.send('POST', `/api/revisions/${soon}/confirm`)).status, 200)
  await kill(second)
  const third = await start()
  assert.equal(await textAt(third, '/late'), '404')
  for (const id of ['kept', 'soon', 'plain']) assert.equal(await textAt(third, `/${id}`), id)
})
