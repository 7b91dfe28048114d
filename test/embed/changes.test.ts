import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Change, Middleware, Reply, RouteModule } from '../../src/index.ts'
import { embed, told } from './open.ts'

const says =
  (text: string) =>
  (c: { text(text: string): Reply }): Reply =>
    c.text(text)

const greeter = (version: string, extra: Partial<RouteModule> = {}): RouteModule => ({
  name: 'greeter',
  version,
  register: (routes) => void routes.get('/greet', (c) => c.text(`greet ${version}`)),
  ...extra,
})

const taken = { code: 'TURNOUT_ROUTE_CONFLICT', status: 409 }

test('every method of the registrar registers at once', async (t) => {
  const turnout = embed(t)
  const verbs = ['get', 'post', 'put', 'delete', 'patch', 'options'] as const
  for (const verb of verbs) turnout[verb]('/verb', says(verb))
  turnout.head('/head', (c) => c.text('unseen'))
  turnout.any('/any', (c) => c.text(c.method))
  turnout.handle(['PURGE', 'LINK'], '/many', (c) => c.text(c.method))
  for (const verb of verbs) {
    assert.equal(await told(turnout, '/verb', { method: verb.toUpperCase() }), verb)
  }
  assert.equal(await told(turnout, '/head', { method: 'HEAD' }), '')
  assert.equal(await told(turnout, '/any', { method: 'PROPFIND' }), 'PROPFIND')
  assert.equal(await told(turnout, '/many', { method: 'PURGE' }), 'PURGE')
  assert.equal(await told(turnout, '/many', { method: 'LINK' }), 'LINK')
  assert.equal(turnout.revision, 10)
})

test('a place that is taken is told by the call, and nothing changes', async (t) => {
  const turnout = embed(t)
  turnout.get('/users/:id', says('one'))
  assert.throws(() => turnout.get('/users/:id', says('two')), taken)
  assert.throws(() => turnout.get('/users/:name', says('two')), taken)
  assert.equal(turnout.revision, 1)
  assert.equal(await told(turnout, '/users/7'), 'one')
  turnout.get('/users/me', says('me')).post('/users/:id', says('post'))
  assert.equal(await told(turnout, '/users/me'), 'me')
})

const bad: readonly [string, () => unknown[], string][] = [
  ['no handler', () => ['/x'], 'TURNOUT_REGISTRATION_INVALID'],
  ['a handler that is no function', () => ['/x', 'text'], 'TURNOUT_REGISTRATION_INVALID'],
  ['a path that is no string', () => [7, says('x')], 'TURNOUT_REGISTRATION_INVALID'],
  ['an open constraint', () => ['/:id(', says('x')], 'TURNOUT_PATTERN_INVALID'],
  ['a rest in the middle', () => ['/*rest/x', says('x')], 'TURNOUT_PATTERN_INVALID'],
]
for (const [what, registration, code] of bad) {
  test(`${what} is refused by the call`, (t) => {
    const turnout = embed(t)
    const get = turnout.get.bind(turnout) as (...all: unknown[]) => unknown
    assert.throws(() => get(...registration()), { code })
    assert.equal(turnout.revision, 0)
  })
}

test('groups join prefixes and collect middleware; use counts for what comes after it', async (t) => {
  const turnout = embed(t)
  const mark =
    (text: string): Middleware =>
    async (c, next) => {
      const before = c.get<string>('marks') ?? ''
      c.set('marks', before + text)
      await next()
    }
  turnout.get('/before', (c) => c.text(c.get<string>('marks') ?? 'none'))
  turnout.use(mark('a'))
  const shop = turnout.group('/shop', mark('b'))
  shop.get('/', (c) => c.text(c.get<string>('marks') ?? 'none'))
  const admin = shop.group('/admin/', mark('c'))
  admin.get('/:id', mark('d'), (c) => c.text(`${c.get<string>('marks')} ${c.param('id')}`))
  assert.equal(await told(turnout, '/before'), 'none')
  assert.equal(await told(turnout, '/shop'), 'ab')
  assert.equal(await told(turnout, '/shop/admin/7'), 'abcd 7')
})

test('an update is one revision: put, replace, remove and modules together', async (t) => {
  const turnout = embed(t)
  turnout.get('/old', says('old')).get('/kept', says('first'))
  const revision = await turnout.update(
    async (change) => {
      change.remove('GET', '/old').get('/new', says('new')).get('/kept', says('second'))
      change.group('/deep').post('/er', says('deep'))
      await Promise.resolve()
      change.module(greeter('1.0.0'))
    },
    { author: 'ada', reason: 'spring' },
  )
  assert.equal(revision.number, 3)
  assert.deepEqual([revision.author, revision.reason], ['ada', 'spring'])
  const answers = await Promise.all(
    ['/old', '/new', '/kept', '/greet'].map((path) => told(turnout, path)),
  )
  assert.match(answers[0]!, /^404/)
  assert.deepEqual(answers.slice(1), ['new', 'second', 'greet 1.0.0'])
  assert.equal(await told(turnout, '/deep/er', { method: 'POST' }), 'deep')
})

test('an update of which one part fails changes nothing', async (t) => {
  const turnout = embed(t)
  turnout.get('/kept', says('kept'))
  await turnout.module(greeter('1.0.0'))
  const before = turnout.routes()
  const failing: readonly [string, (change: Change) => void, string][] = [
    ['a conflict', (change) => void change.get('/greet', says('x')), 'TURNOUT_ROUTE_CONFLICT'],
    [
      'a module that throws',
      (change) =>
        void change.module({
          name: 'broken',
          register: () => {
            throw new Error('no')
          },
        }),
      'TURNOUT_MODULE_LOAD_FAILED',
    ],
    [
      'no module',
      (change) => void change.module({} as RouteModule),
      'TURNOUT_MODULE_EXPORT_INVALID',
    ],
    ['no file', (change) => void change.module('./not-there.ts'), 'TURNOUT_MODULE_FILE_MISSING'],
  ]
  for (const [what, fail, code] of failing) {
    const update = turnout.update((change) => {
      change.get('/new', says('new')).remove('GET', '/kept').removeModule('greeter')
      if (code === 'TURNOUT_ROUTE_CONFLICT') change.module(greeter('2.0.0'))
      fail(change)
    })
    await assert.rejects(update, { code }, what)
  }
  await assert.rejects(
    turnout.update(() => {
      throw new Error('mine')
    }),
    /mine/,
  )
  assert.deepEqual(turnout.routes(), before)
  assert.equal(turnout.revision, 2)
  assert.equal(await told(turnout, '/kept'), 'kept')
})

test('modules: an object, an array, a path and a URL; a name that is there is replaced', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'turnout-embed-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'users.ts')
  const write = (text: string): void =>
    writeFileSync(
      file,
      `export default { register(routes: any) { routes.get('/users', (c: any) => c.text('${text}')) } }`,
    )
  write('one')
  const turnout = embed(t)
  const revision = await turnout.module([greeter('1.0.0'), file])
  assert.equal(revision.number, 1)
  assert.equal(await told(turnout, '/users'), 'one')
  write('two')
  await turnout.module(pathToFileURL(file))
  assert.equal(await told(turnout, '/users'), 'two')
  await turnout.module(greeter('1.1.0'))
  assert.equal(await told(turnout, '/greet'), 'greet 1.1.0')
  assert.deepEqual(
    turnout.routes().map(({ id, module, version }) => [id, module, version]),
    [
      ['greeter#GET /greet', 'greeter', '1.1.0'],
      ['users#GET /users', 'users', '0.0.0'],
    ],
  )
  await turnout.update((change) => void change.removeModule('greeter'))
  assert.match(await told(turnout, '/greet'), /^404/)
})

test('a module is mounted below a prefix and behind middleware', async (t) => {
  const turnout = embed(t)
  const guard: Middleware = (c, next) =>
    c.header('authorization') === undefined ? c.text('who?', 401) : next()
  await turnout.module(greeter('1.0.0', { prefix: '/v1' }), {
    prefix: '/api/',
    middleware: [guard],
  })
  assert.equal(await told(turnout, '/api/v1/greet'), '401 who?')
  assert.equal(
    await told(turnout, '/api/v1/greet', { headers: { authorization: 'x' } }),
    'greet 1.0.0',
  )
})

test('a replaced module version is disposed of and told about once', async (t) => {
  const turnout = embed(t)
  const events: string[] = []
  turnout.on('applied', ({ revision }) => events.push(`applied ${revision.number}`))
  turnout.on('rejected', ({ rejections }) => events.push(`rejected ${rejections[0]?.label}`))
  const off = turnout.on('retired', ({ module, version }) =>
    events.push(`retired ${module} ${version}`),
  )
  const disposed: string[] = []
  const module = (version: string): RouteModule =>
    greeter(version, {
      register: (routes, scope) => {
        routes.get('/greet', says(version))
        scope.onDispose(() => void disposed.push(version))
      },
    })
  await turnout.module(module('1.0.0'))
  await turnout.module(module('2.0.0'))
  await assert.rejects(turnout.module({ name: 'late' } as RouteModule))
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(events, ['applied 1', 'applied 2', 'retired greeter 1.0.0', 'rejected late'])
  assert.ok(disposed.includes('1.0.0'))
  off()
  await turnout.module(module('3.0.0'))
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(events.slice(4), ['applied 3'])
})

test('a listener that throws harms neither the change nor the others', async (t) => {
  const turnout = embed(t)
  let heard = 0
  turnout.on('applied', () => {
    throw new Error('mine')
  })
  turnout.on('applied', () => void (heard += 1))
  turnout.get('/x', says('x'))
  assert.equal(heard, 1)
  assert.equal(await told(turnout, '/x'), 'x')
})

test('a rollback publishes an earlier table as the next revision', async (t) => {
  const turnout = embed(t)
  turnout.get('/a', says('first'))
  await turnout.module(greeter('1.0.0'))
  await turnout.update((change) => {
    change.get('/a', says('second')).get('/b', says('b')).module(greeter('2.0.0'))
  })
  const back = await turnout.rollback(2, { author: 'ada' })
  assert.deepEqual([back.number, back.author, back.reason], [4, 'ada', 'rollback to revision 2'])
  assert.equal(await told(turnout, '/a'), 'first')
  assert.equal(await told(turnout, '/greet'), 'greet 1.0.0')
  assert.match(await told(turnout, '/b'), /^404/)
  await turnout.rollback(3)
  assert.equal(await told(turnout, '/greet'), 'greet 2.0.0')
  await turnout.rollback(0)
  assert.deepEqual(turnout.routes(), [])
  await assert.rejects(turnout.rollback(99), { code: 'TURNOUT_REVISION_UNKNOWN' })
  assert.deepEqual(
    turnout.revisions.map(({ number }) => number),
    [0, 1, 2, 3, 4, 5, 6],
  )
})

test('only as many revisions are kept as asked for', async (t) => {
  const turnout = embed(t, { keepRevisions: 2 })
  for (const path of ['/a', '/b', '/c']) turnout.get(path, says(path))
  assert.deepEqual(
    turnout.revisions.map(({ number }) => number),
    [2, 3],
  )
  await assert.rejects(turnout.rollback(1), { code: 'TURNOUT_REVISION_UNKNOWN' })
})

test('services are opened once, before the first module, and closed at the end', async (t) => {
  const events: string[] = []
  const turnout = embed(t, {
    services: {
      answer: 42,
      db: {
        open: () => (events.push('open'), { rows: 3 }),
        close: () => void events.push('close'),
      },
    },
  })
  const module: RouteModule = {
    register: (routes, { services }) => {
      routes.get('/rows', (c) => c.json([services['answer'], services['db']]))
    },
  }
  await turnout.module(module, { name: 'one' })
  await turnout.module(module, { name: 'two', prefix: '/two' })
  assert.equal(await told(turnout, '/two/rows'), '[42,{"rows":3}]')
  await turnout.close()
  assert.deepEqual(events, ['open', 'close'])
})

test('probe says which route would serve', (t) => {
  const turnout = embed(t)
  turnout.get('/users/:id', says('x'))
  assert.equal(turnout.probe('GET', '/users/7').kind, 'match')
  assert.equal(turnout.probe('GET', '/nope').kind, 'miss')
})

test('probe and requests agree on an encoded slash', async (t) => {
  const turnout = embed(t, { encodedSlash: 'keep' })
  turnout.get('/files/:name', (c) => c.text(c.param('name')))
  assert.equal(await told(turnout, '/files/a%2Fb'), 'a/b')
  assert.equal(turnout.probe('GET', '/files/a%2Fb').kind, 'match')
})
