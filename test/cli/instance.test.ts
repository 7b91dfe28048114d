import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, save } from '../hot/support/served.ts'
import { runTurnout, startInstance } from './instance-support.ts'

const shop = `routes:
  - id: shop
    path: /shop/:item
    target: { upstream: shop }
  - id: ping
    path: /ping
    target: { respond: { status: 200, body: pong } }
upstreams:
  - name: shop
    endpoints: [{ url: 'http://127.0.0.1:9001' }]
`
const ping = (body: string): string =>
  JSON.stringify({ id: 'ping', path: '/ping', target: { respond: { status: 200, body } } })
const clash = `- id: mine
  methods: [GET]
  path: /users/:name
  target: { respond: { status: 200 } }
`

test('a change is planned, published, seen, compared, and taken back', async (t) => {
  const { served, turnout } = await startInstance(t, { 'shop.yaml': shop })
  const planned = await turnout('plan', 'shop.yaml')
  assert.deepEqual([planned.code, planned.err], [0, ''])
  assert.match(planned.out, /^\+ +upstream +shop +http:\/\/127\.0\.0\.1:9001/m)
  assert.match(planned.out, /^\+ +route +ping +\* \/ping → respond 200/m)
  assert.match(planned.out, /accepted on revision 1; .*--based-on 1$/m)
  assert.equal((await ask(served.port, '/ping')).status, 404)

  const published = await turnout('publish', 'shop.yaml', '--reason', 'open the shop')
  assert.deepEqual([published.code, published.err], [0, ''])
  assert.match(published.out, /^✓ revision 2 published\n/)
  assert.match(published.out, /^\+ +route +shop$/m)
  assert.equal((await ask(served.port, '/ping')).text, 'pong')
  const again = await turnout('plan', 'shop.yaml')
  assert.deepEqual([again.code, again.out], [0, 'nothing would change; planned on revision 2\n'])

  const listed = await turnout('routes')
  assert.match(
    listed.out,
    /^GET +\/users\/:id +users#GET \/users\/:id +files:users +module users +1\.2\.0 +1$/m,
  )
  assert.match(listed.out, /^\* +\/shop\/:item +shop +admin +upstream shop +- +2$/m)
  assert.match(listed.out, /\n3 routes of 2 owners, revision 2\n$/)

  const probed = await turnout('probe', 'GET', '/users/7')
  assert.equal(probed.code, 0)
  assert.match(
    probed.out,
    /served by +users 1\.2\.0[\s\S]*owner +files:users, touched last by revision 1/,
  )
  const missed = await turnout('probe', 'GET', '/usr/7')
  assert.equal(missed.code, 1)
  assert.match(missed.out, /404[\s\S]*expected +ping, shop, users/)

  const differs = await turnout('diff', '1', '2')
  assert.equal(differs.out.match(/^\+ /gm)?.length, 3)
  assert.equal((await turnout('diff', '2', '2')).out, 'revisions 2 and 2 are alike\n')

  const back = await turnout('rollback')
  assert.equal(back.code, 0)
  assert.match(back.out, /^✓ revision 3 published, the table of revision 1\n/)
  assert.match(back.out, /^- +route +ping$/m)
  assert.equal((await ask(served.port, '/ping')).status, 404)
  assert.equal((await turnout('rollback', '2', '--reason', 'it was fine')).code, 0)
  assert.equal((await ask(served.port, '/ping')).text, 'pong')

  const { code, out } = await turnout('history')
  assert.equal(code, 0)
  const rows = out.split('\n')
  assert.match(rows[0]!, /^REVISION +STATE +TIME +AUTHOR +REASON +RESULT$/)
  const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ`
  assert.match(rows[1]!, new RegExp(`^4 +current +${time} +admin-token +it was fine +back to 2; `))
  assert.match(rows[2]!, /^3 .*roll back to revision 1 +back to 1; -2 routes, -1 upstream$/)
  assert.match(rows[3]!, /^2 .*open the shop +\+2 routes, \+1 upstream$/)
  assert.match(rows[4]!, /^1 +superseded .*\+users 1\.2\.0 \+1 route$/)
  assert.equal((await turnout('history', '--limit', '1')).out.trim().split('\n').length, 2)
})

test('a conflict names both routes, both owners and a witness, and nothing changes', async (t) => {
  const { turnout } = await startInstance(t, { 'clash.yaml': clash, 'ping.json': ping('pong') })
  for (const word of ['plan', 'publish']) {
    const { code, err } = await turnout(word, 'clash.yaml', 'ping.json')
    assert.equal(code, 1, word)
    assert.match(
      err,
      /TURNOUT_ROUTE_CONFLICT +mine \(admin\) stands where users#GET \/users\/:id \(files:users\) stands already; both would serve GET \/users\/\w+\n +to do /,
    )
  }
  const { out } = await turnout('history')
  assert.match(out, /^- +rejected .*TURNOUT_ROUTE_CONFLICT mine/m)
  assert.match((await turnout('status')).out, /^revision +1$/m)
})

test('every problem of every file is told at its place', async (t) => {
  const { turnout } = await startInstance(t, {
    'ping.json': ping('pong'),
    'bad.yaml': `routes:
  - id: one
    pth: /x
  - id: two
    path: nope
    target: { respond: { status: 99 } }
`,
  })
  const { code, out, err } = await turnout('publish', 'ping.json', 'bad.yaml')
  assert.deepEqual([code, out], [1, ''])
  for (const place of ['bad.yaml:3:10', 'bad.yaml:5:11', 'bad.yaml:6:34'])
    assert.ok(err.includes(`at ${place}\n`), `${place} in ${err}`)
  assert.match((await turnout('status')).out, /^revision +1$/m)
})

test('modules are built here, uploaded, and served from one revision, with their imports', async (t) => {
  const { served, turnout } = await startInstance(t, {
    'more/panel/index.ts': `import { label } from './label.ts'
export default { version: '1.0.0', register: (routes) => void routes.get('/panel', (c) => c.text(label)) }
`,
    'more/panel/label.ts': `export const label: string = 'a panel'\n`,
    'more/solo.js': `export default { version: '2.0.0', register: (routes) => void routes.get('/solo', (c) => c.text('solo')) }\n`,
    'solo.mjs': `export default { name: 'solo', version: '2.1.0', register: (routes) => void routes.get('/solo', (c) => c.text('new')) }\n`,
    'ping.json': ping('pong'),
  })
  const planned = await turnout('plan', 'more')
  assert.equal(planned.code, 0)
  assert.match(planned.out, /^loads +panel 1\.0\.0 \([0-9a-f]{12}\)$/m)
  const published = await turnout('publish', 'more', 'ping.json')
  assert.deepEqual([published.code, published.err], [0, ''])
  assert.match(published.out, /^✓ revision 2 published\n/)
  assert.equal((await ask(served.port, '/panel')).text, 'a panel')
  assert.equal((await ask(served.port, '/ping')).text, 'pong')

  const replace = await turnout('plan', 'solo.mjs')
  assert.match(replace.out, /^~ +module +solo +2\.0\.0 → 2\.1\.0$/m)
  assert.match(replace.out, /^retires +solo 2\.0\.0$/m)
  assert.equal((await turnout('publish', 'solo.mjs')).code, 1)
  assert.equal((await turnout('publish', 'solo.mjs', '--based-on', '2')).code, 0)
  assert.equal((await ask(served.port, '/solo')).text, 'new')
  const removed = await turnout(
    'publish',
    '--remove',
    'module:solo',
    '--remove',
    'route:ping',
    '--force',
  )
  assert.deepEqual([removed.code, removed.err], [0, ''])
  assert.equal((await ask(served.port, '/solo')).status, 404)
  assert.equal((await ask(served.port, '/ping')).status, 404)
})

test('a module that does not build or load is refused, and named', async (t) => {
  const { turnout } = await startInstance(t, {
    'syntax.ts': 'export default { register: (\n',
    'throws.ts': `export default { register: () => { throw new Error('not today') } }\n`,
  })
  const syntax = await turnout('publish', 'syntax.ts')
  assert.equal(syntax.code, 1)
  assert.match(syntax.err, /TURNOUT_MODULE_BUILD_FAILED[\s\S]*syntax\.ts:2:1/)
  for (const word of ['plan', 'publish']) {
    const { code, err } = await turnout(word, 'throws.ts')
    assert.equal(code, 1, word)
    assert.match(err, /TURNOUT_MODULE_LOAD_FAILED +throws\.ts: .*not today/, word)
  }
})

test('what is there is replaced by who says which revision they saw', async (t) => {
  const { folder, turnout } = await startInstance(t, { 'ping.json': ping('one') })
  assert.equal((await turnout('publish', 'ping.json')).code, 0)
  save(folder, 'ping.json', ping('two'))
  const blind = await turnout('publish', 'ping.json')
  assert.equal(blind.code, 1)
  assert.match(blind.err, /TURNOUT_BASE_MISSING.*revision 2\n +to do .*--based-on/)
  const planned = await turnout('plan', 'ping.json')
  assert.match(planned.out, /^~ +route +ping +target\.respond\.body one → two$/m)
  assert.equal((await turnout('publish', 'ping.json', '--based-on', '2')).code, 0)
  save(folder, 'ping.json', ping('three'))
  const late = await turnout('publish', 'ping.json', '--based-on', '2')
  assert.equal(late.code, 1)
  assert.match(late.err, /TURNOUT_ITEM_CHANGED +ping was touched last by revision 3/)
  assert.equal((await turnout('plan', 'ping.json', '--based-on', '2')).code, 1)
  assert.equal((await turnout('publish', 'ping.json', '--force')).code, 0)
  const same = await turnout('publish', 'ping.json', '--force')
  assert.deepEqual([same.code, same.out], [0, 'nothing to change; revision 4 serves it\n'])
})

test('standard input is read: JSON, a Spring definition, a whole change request', async (t) => {
  const { served, folder, turnout, json } = await startInstance(t)
  const definition = {
    id: 'test-route',
    uri: 'http://127.0.0.1:1',
    predicates: [{ name: 'Path', args: { _gen: '/api/test' } }],
  }
  const given = ['publish', '-', '--data', served.data]
  const first = await runTurnout(folder, given, { input: JSON.stringify(definition) })
  assert.deepEqual([first.code, first.err], [0, ''])
  assert.equal((await ask(served.port, '/api/test')).status, 502)
  const request = {
    routes: { put: [JSON.parse(ping('pong'))], remove: ['test-route'] },
    disable: ['users#GET /users/:id'],
    reason: 'all at once',
    based_on: 2,
  }
  const second = await runTurnout(folder, given, { input: JSON.stringify(request) })
  assert.deepEqual([second.code, second.err], [0, ''])
  const [row] = await json('history')
  assert.deepEqual([row.number, row.reason], [3, 'all at once'])
  assert.equal((await ask(served.port, '/users/7')).status, 404)
  const empty = await runTurnout(folder, given)
  assert.equal(empty.code, 1)
  assert.match(empty.err, /TURNOUT_INPUT_FILE +Cannot take standard input/)
  assert.match((await turnout('status')).out, /^revision +3$/m)
})

test('a route of any owner is switched off, on again, and says so', async (t) => {
  const { served, turnout } = await startInstance(t)
  const id = 'users#GET /users/:id'
  const off = await turnout('disable', id)
  assert.deepEqual([off.code, off.out], [0, `✓ ${id} is off, revision 2\n`])
  assert.equal((await ask(served.port, '/users/7')).status, 404)
  assert.match((await turnout('routes')).out, /files:users .* off$/m)
  assert.match(
    (await turnout('diff', '1', '2')).out,
    /^~ +route +users#GET \/users\/:id +switched off$/m,
  )
  assert.match((await turnout('disable', id)).out, /was already off/)
  assert.equal((await turnout('enable', id)).code, 0)
  assert.equal((await ask(served.port, '/users/7')).text, '7')
  const unknown = await turnout('enable', 'nope')
  assert.equal(unknown.code, 1)
  assert.match(unknown.err, /TURNOUT_ITEM_UNKNOWN +There is no route nope/)
})

test('a change that waits for its confirmation says so, and stays when it is confirmed', async (t) => {
  const { turnout } = await startInstance(t, { 'ping.json': ping('pong') })
  const waits = await turnout('publish', 'ping.json', '--confirm-within', '1h', '--wait', 'applied')
  assert.match(waits.out, /taken back in 1h, unless: turnout confirm 2\n$/)
  assert.match(
    (await turnout('history')).out,
    /^2 .*waits for `turnout confirm` until \d\d:\d\d:\d\dZ/m,
  )
  assert.deepEqual([(await turnout('confirm', '2')).out], ['✓ revision 2 stays\n'])
  assert.match((await turnout('history')).out, /^2 .*confirmed; \+1 route$/m)
  const late = await turnout('confirm', '2')
  assert.equal(late.code, 1)
  assert.match(late.err, /TURNOUT_CONFIRM_LATE/)
})

test('every command has --json: one object a line', async (t) => {
  const { json } = await startInstance(t, { 'ping.json': ping('pong'), 'clash.yaml': clash })
  const [plan] = await json('plan', 'ping.json')
  assert.deepEqual(
    [plan.event, plan.base, plan.isAccepted, plan.changes.routes.added[0].id],
    ['plan', 1, true, 'ping'],
  )
  const [published] = await json('publish', 'ping.json')
  assert.deepEqual(
    [published.event, published.revision, published.isChanged],
    ['published', 2, true],
  )
  const [refused] = await json('publish', 'clash.yaml')
  assert.deepEqual([refused.event, refused.code], ['problem', 'TURNOUT_ROUTE_CONFLICT'])
  assert.ok(refused.cure.length > 0)
  const routes = await json('routes')
  assert.deepEqual(
    routes.find(({ id }) => id === 'ping'),
    {
      event: 'route',
      method: '*',
      pattern: '/ping',
      id: 'ping',
      owner: 'admin',
      target: 'respond 200',
      revision: 2,
      state: 'on',
    },
  )
  const [probed] = await json(
    'probe',
    'GET',
    '/users/7',
    '-H',
    'x-a: 1',
    '-H',
    'X-A: 2',
    '--from',
    '10.0.0.1',
  )
  assert.deepEqual(
    [probed.event, probed.kind, probed.served, probed.route.owner],
    ['probe', 'match', 'users 1.2.0', 'files:users'],
  )
  const [diff] = await json('diff', '1', '2')
  assert.deepEqual([diff.event, diff.from, diff.to, diff.routes.added.length], ['diff', 1, 2, 1])
  const [switched] = await json('disable', 'ping')
  assert.deepEqual(switched, {
    event: 'switched',
    routes: ['ping'],
    enabled: false,
    revision: 3,
    isChanged: true,
  })
  const [back] = await json('rollback')
  assert.deepEqual([back.event, back.restores, back.revision], ['rolled-back', 2, 4])
  const rows = await json('history')
  assert.deepEqual(
    rows.map(({ event, number, state }) => [event, number, state]),
    [
      ['revision', 4, 'current'],
      ['revision', 3, 'rolled-back'],
      ['revision', null, 'rejected'],
      ['revision', 2, 'superseded'],
      ['revision', 1, 'superseded'],
    ],
  )
  const [status] = await json('status')
  assert.deepEqual([status.event, status.revision, status.isReady], ['status', 4, true])
  await json('publish', 'ping.json', '--force', '--remove', 'route:nope').then(([found]) =>
    assert.deepEqual([found.event, found.code], ['problem', 'TURNOUT_ITEM_UNKNOWN']),
  )
})

test('upstreams are seen as they are now, all of them and one', async (t) => {
  const guarded = `upstreams:
  - { name: shop, endpoints: ['http://127.0.0.1:9001'], breaker: {}, bulkhead: {} }
  - { name: b, endpoints: ['http://127.0.0.1:9002'] }
`
  const { turnout } = await startInstance(t, { 'shop.yaml': guarded })
  assert.equal((await turnout('upstreams')).out, 'no upstreams\n')
  assert.equal((await turnout('publish', 'shop.yaml')).code, 0)
  const table =
    /^UPSTREAM +HEALTHY +BREAKER +ACTIVE +WAITING\nb +1\/1 +- +0 +0\nshop +1\/1 +CLOSED +0 +0\n/m
  assert.match((await turnout('upstreams')).out, table)
  assert.match((await turnout('status')).out, table)
  const { out } = await turnout('upstreams', 'shop')
  assert.match(out, /^breaker +CLOSED; 0 calls, too few for a rate; 0 refused$/m)
  assert.match(out, /^bulkhead +0 of 25 in flight, 0 of 256 wait$/m)
  assert.match(out, /^http:\/\/127\.0\.0\.1:9001 +healthy +1 +0 +0 +0 +0 +-$/m)
  const { event, name, endpoints } = JSON.parse((await turnout('upstreams', 'shop', '--json')).out)
  assert.deepEqual([event, name, endpoints.length], ['upstream', 'shop', 1])
  assert.equal((await turnout('upstreams', 'none')).code, 1)
})
