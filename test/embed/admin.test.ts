import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createAdminClient, type AdminClient } from '../../src/admin/client.ts'
import { createTurnout, openTurnout, type Turnout } from '../../src/turnout.ts'
import { ask, codeOf } from './open.ts'

const folder = (t: TestContext): string => {
  const directory = mkdtempSync(join(tmpdir(), 'turnout-embed-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const open = async (t: TestContext, turnout: Turnout, directory: string): Promise<AdminClient> => {
  t.after(() => turnout.close(1_000))
  const { url, firstToken } = await turnout.admin({ port: 0, directory })
  return createAdminClient({ url, token: firstToken.token })
}

test('an embedded Turnout is changed over the admin API beside its own routes', async (t) => {
  const turnout = createTurnout({ logger: false })
  turnout.get('/own', (c) => c.text('own'))
  const client = await open(t, turnout, folder(t))
  const { revision } = turnout
  const made = await client.createRoute({
    body: { id: 'hi', path: '/hi', target: { respond: { status: 200, body: 'hi' } } },
  })
  assert.equal(made.ok && made.status, 201)
  assert.equal(turnout.revision, revision + 1)
  assert.equal((await ask(turnout, '/hi')).text, 'hi')
  const taken = await client.createRoute({
    body: { id: 'mine', methods: ['GET'], path: '/own', target: { redirect: { location: '/' } } },
  })
  assert.equal(!taken.ok && taken.problem.code, 'TURNOUT_ROUTE_CONFLICT')
  assert.match(!taken.ok ? taken.problem.detail : '', /mine \(admin\).*GET \/own \(app\)/)
  const rolled = await client.rollBack({ params: { number: String(revision) } })
  assert.equal(rolled.ok && rolled.status, 200)
  assert.equal((await ask(turnout, '/hi')).status, 404)
  assert.equal((await ask(turnout, '/own')).text, 'own')
})

test('targets that are data: respond, redirect, and an upstream that cannot be proxied to yet', async (t) => {
  const turnout = createTurnout({ logger: false })
  const client = await open(t, turnout, folder(t))
  const put = [
    {
      id: 'text',
      path: '/text/:name',
      target: { respond: { status: 418, headers: { 'x-kind': 'pot' }, body: 'short and stout' } },
    },
    { id: 'moved', path: '/moved', target: { redirect: { status: 308, location: '/text/a' } } },
    { id: 'named', path: '/named', target: { upstream: 'users' } },
    { id: 'bare', path: '/bare', target: { uri: 'http://127.0.0.1:1' } },
    {
      id: 'gold',
      path: '/gold',
      predicates: [{ kind: 'header', name: 'x-plan', equals: 'gold' }],
      target: { respond: { status: 200, body: 'gold' } },
    },
  ]
  const users = { name: 'users', endpoints: ['http://127.0.0.1:1'] }
  const changed = await client.change({
    body: { routes: { put }, upstreams: { put: [users] }, reason: 'all at once' },
  })
  assert.equal(changed.ok && changed.revision, 1)
  const text = await ask(turnout, '/text/x')
  assert.deepEqual(
    [text.status, text.headers.get('x-kind'), text.text],
    [418, 'pot', 'short and stout'],
  )
  const moved = await ask(turnout, '/moved?a=1', { redirect: 'manual' })
  assert.deepEqual([moved.status, moved.headers.get('location')], [308, '/text/a?a=1'])
  for (const [path, name] of [
    ['/named', 'users'],
    ['/bare', 'http://127.0.0.1:1'],
  ] as const) {
    const answer = await ask(turnout, path)
    assert.deepEqual([answer.status, codeOf(answer.text)], [502, 'TURNOUT_UPSTREAM_UNREACHABLE'])
    assert.ok(answer.text.includes(name), answer.text)
  }
  assert.equal((await ask(turnout, '/gold', { headers: { 'x-plan': 'gold' } })).text, 'gold')
  // The method is right and the path too: it is no 405.
  assert.equal((await ask(turnout, '/gold')).status, 404)
})

test('a data folder: what was served is served again before anything is read, and handlers of the program are refused', async (t) => {
  const directory = folder(t)
  const data = join(directory, 'data')
  const file = join(directory, 'hello.ts')
  writeFileSync(
    file,
    `export default { register: (routes) => routes.get('/hello', (c) => c.text('hello')) }`,
  )
  const first = await openTurnout({ data, logger: false })
  await first.module(file, { prefix: '/v1' })
  assert.equal((await ask(first, '/v1/hello')).text, 'hello')
  assert.throws(() => first.get('/x', (c) => c.text('x')), { code: 'TURNOUT_CLOSURE_DURABLE' })
  await assert.rejects(first.module({ register: () => undefined }, { name: 'object' }), {
    code: 'TURNOUT_CLOSURE_DURABLE',
  })
  await assert.rejects(openTurnout({ data, logger: false }), { code: 'TURNOUT_STORE_LOCKED' })
  await first.close()
  rmSync(file)

  const second = await openTurnout({ data, logger: false })
  t.after(() => second.close())
  assert.deepEqual(second.resumed, { recovery: null, rejections: [] })
  assert.equal((await ask(second, '/v1/hello')).text, 'hello')
  assert.equal(second.revision, 1)
  await second.update((change) => change.removeModule('hello'))
  assert.equal((await ask(second, '/v1/hello')).status, 404)
  await second.rollback(1)
  assert.equal((await ask(second, '/v1/hello')).text, 'hello')
})

test('a module whose artifact is gone is told at the start, answers 503, and the rest serves', async (t) => {
  const directory = folder(t)
  const data = join(directory, 'data')
  for (const name of ['one', 'two'])
    writeFileSync(
      join(directory, `${name}.ts`),
      `export default { register: (routes) => routes.get('/${name}', (c) => c.text('${name}')) }`,
    )
  const first = await openTurnout({ data, logger: false })
  await first.module([join(directory, 'one.ts'), join(directory, 'two.ts')])
  const { items } = await listed(t, first)
  await first.close()
  const { digest } = items.find(({ name }) => name === 'one')!
  const artifact = join(data, 'artifacts', `${digest}.json`)
  assert.ok(existsSync(artifact))
  rmSync(artifact)

  const second = await openTurnout({ data, logger: false })
  t.after(() => second.close())
  assert.deepEqual(
    second.resumed.rejections.map(({ label, problems }) => [label, problems[0]?.code]),
    [['one', 'TURNOUT_ARTIFACT_MISSING']],
  )
  const gone = await ask(second, '/one')
  assert.deepEqual([gone.status, codeOf(gone.text)], [503, 'TURNOUT_MODULE_NOT_LIVE'])
  assert.equal((await ask(second, '/two')).text, 'two')
})

const listed = async (
  t: TestContext,
  turnout: Turnout,
): Promise<{ readonly items: readonly { readonly name: string; readonly digest: string }[] }> => {
  const { url, firstToken } = await turnout.admin({ port: 0, directory: folder(t) })
  const answer = await createAdminClient({ url, token: firstToken.token }).listModules()
  assert.ok(answer.ok)
  return answer.body
}

test('an admin API without a folder is refused', async (t) => {
  const turnout = createTurnout({ logger: false })
  t.after(() => turnout.close())
  await assert.rejects(turnout.admin({ port: 0 }), { code: 'TURNOUT_ADMIN_HOMELESS' })
})

test('a probe names routes that were switched off and would fit', async (t) => {
  const turnout = createTurnout({ logger: false })
  turnout.get('/users/:id', (c) => c.text('user'))
  const client = await open(t, turnout, folder(t))
  const id = 'GET /users/:id'
  await client.change({ body: { disable: [id] } })
  const missed = turnout.probe('GET', '/users/7')
  assert.deepEqual([missed.kind, missed.switchedOff], ['miss', [id]])
  assert.deepEqual(turnout.probe('GET', '/other').switchedOff, [])
  await client.change({ body: { enable: [id] } })
  const found = turnout.probe('GET', '/users/7')
  assert.deepEqual([found.kind, found.switchedOff, found.route?.id], ['match', [], id])
})
