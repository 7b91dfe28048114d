import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { createAdminClient } from '../../src/admin/client.ts'
import { deployItem } from '../../src/admin/deploy.ts'
import type { RolloutMeasurement, RolloutView, VersionRow } from '../../src/control/rollouts.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { parseRoute } from '../../src/core/route/parse.ts'
import { loadObject } from '../../src/modules/object-module.ts'
import { openAdmin, type InstanceFacts } from '../../src/turnout-admin.ts'
import { TurnoutEmitter } from '../../src/turnout-events.ts'
import type { LoadedModule } from '../../src/control/change.ts'
import {
  createFakeRollouts,
  fakePlan,
  nothingSeen,
  type FakeOptions,
} from './support/fake-rollouts.ts'
import { open, root, target, type Answered, type Opened } from './support/open.ts'

const start = '/api/rollouts'
const shop = { id: 'shop', path: '/shop', target: { uri: 'http://127.0.0.1:9001' } }
const moved = { ...shop, target: { uri: 'http://127.0.0.1:9002' } }
const pool = { name: 'pool', endpoints: [{ url: 'http://127.0.0.1:9001' }] }

const serving = { users: '1.3.0', shop: 'revision 1', pool: 'revision 2', '@acme/cart': '1.0.0' }

const mount = { prefix: '', middleware: [] }
const edit = {
  putRoutes: [],
  removeRoutes: [],
  putUpstreams: [],
  removeUpstreams: [],
  switches: [],
}
const facts: InstanceFacts = {
  rollouts: createFakeRollouts(),
  probe: () => null,
  status: () => ({}),
  readiness: () => ({ isReady: true, reasons: [] }),
  moduleFacts: () => null,
  upstreamNames: () => [],
  upstreamStatus: () => null,
  forceBreaker: () => false,
  workers: () => [],
  restart: () => Promise.resolve([]),
  loadUpload: () => Promise.resolve({ ok: false, problems: [] }),
  besideItem: (module) => deployItem(module),
  scrape: () => Promise.resolve({ type: 'text/plain', text: '' }),
}

interface Fixture extends Opened {
  readonly rollouts: ReturnType<typeof createFakeRollouts>
}

/** An API that serves the route `shop` and the upstream `pool`. */
async function fixture(
  t: Parameters<typeof open>[0],
  options: FakeOptions & Parameters<typeof open>[1] = {},
): Promise<Fixture> {
  const rollouts = createFakeRollouts({ serving, ...options })
  const opened = await open(t, { rollouts, ...options })
  assert.equal((await opened.send('POST', '/api/routes', { body: shop })).status, 201)
  assert.equal((await opened.send('POST', '/api/upstreams', { body: pool })).status, 201)
  return { ...opened, rollouts }
}

test('a version that is there is rolled out: 201, where it is, and what serves it', async (t) => {
  const { send, rollouts } = await fixture(t)
  const answer = await send('POST', `${start}?reason=friday`, { body: { module: 'users@2.0.0' } })
  assert.equal(answer.status, 201, answer.text)
  assert.equal(answer.headers['location'], '/api/rollouts/users')
  assert.equal(answer.headers['turnout-revision'], '2')
  const { stable, canary, ...rest } = answer.body
  assert.deepEqual([stable.version, canary.version], ['1.3.0', '2.0.0'])
  assert.deepEqual(
    [rest.id, rest.kind, rest.name, rest.status, rest.reason, rest.author],
    ['users', 'module', 'users', 'running', 'friday', 'admin-token'],
  )
  assert.deepEqual(rest.steps, ['weight 5 %', 'pause until resumed', 'watch 10m'])
  assert.deepEqual((await send('GET', answer.headers['location'])).body, answer.body)
  assert.deepEqual(
    rollouts.started.map(({ what, plan }) => ({ what, plan })),
    [{ what: { kind: 'module', module: 'users', version: '2.0.0' }, plan: null }],
  )
})

test('a name may have a scope of its own', async (t) => {
  const { send } = await fixture(t)
  const answer = await send('POST', start, { body: { module: '@acme/cart@2.0.0-rc.1' } })
  assert.equal(answer.status, 201, answer.text)
  assert.equal(answer.headers['location'], '/api/rollouts/%40acme%2Fcart')
  assert.equal((await send('GET', answer.headers['location'])).body.id, '@acme/cart')
})

test('a route and an upstream are rolled out by their definitions, in either shape', async (t) => {
  const { send, rollouts } = await fixture(t)
  const spring = { id: 'shop', uri: 'http://127.0.0.1:9002', predicates: ['Path=/shop'] }
  const route = await send('POST', start, { body: { route: spring } })
  assert.equal(route.status, 201, route.text)
  assert.deepEqual([route.body.kind, route.body.canary.version], ['route', 'revision 2'])
  const upstream = await send('POST', start, { body: { upstream: pool } })
  assert.equal(upstream.status, 201, upstream.text)
  assert.equal(upstream.body.reason, 'roll out the upstream pool')
  const [one, two] = rollouts.started.map(({ what }) => what)
  assert.ok(one?.kind === 'route' && one.route.target.kind === 'uri')
  assert.equal(one.route.target.uri, 'http://127.0.0.1:9002')
  assert.ok(two?.kind === 'upstream')
  assert.equal(two.upstream.name, 'pool')
})

const artifact = {
  script: '',
  map: '{}',
  sources: [],
  imports: [],
  parameters: [],
  externals: [],
  digest: '0'.repeat(64),
}
const loaded = (name: string, version: string): LoadedModule => ({
  reference: { name, owner: '', version, digest: 'd', file: null, revision: 0 },
  routes: [],
  code: { kind: 'closures' } as never,
  save: null,
})

test('an uploaded version is loaded, and rolled out', async (t) => {
  const { send, rollouts } = await fixture(t, {
    loadUpload: () => Promise.resolve({ ok: true, module: loaded('users', '2.0.0') }),
  })
  const answer = await send('POST', start, { body: { name: 'users', artifact } })
  assert.equal(answer.status, 201, answer.text)
  assert.equal(answer.body.canary.version, '2.0.0')
  assert.equal(answer.body.reason, 'roll out users 2.0.0')
  assert.equal(rollouts.started[0]?.what.kind, 'loaded')
})

test('what an uploaded version fails with stands at the artifact', async (t) => {
  const found = { code: 'TURNOUT_MODULE_LOAD_FAILED', message: 'it throws' } as const
  const { send, rollouts } = await fixture(t, {
    loadUpload: () => Promise.resolve({ ok: false, problems: [found] }),
  })
  const answer = await send('POST', start, { body: { name: 'users', artifact } })
  assert.equal(answer.status, 422)
  assert.deepEqual(answer.body.problems, [
    { code: found.code, detail: 'it throws', pointer: '/artifact' },
  ])
  assert.deepEqual(rollouts.started, [])
})

const invalid: readonly (readonly [string, unknown, readonly string[]])[] = [
  ['nothing to roll out', {}, ['']],
  ['two things', { module: 'users@2.0.0', route: moved }, ['/route']],
  ['a key that is none', { modul: 'users@2.0.0' }, ['/modul']],
  ['a name without a version', { module: 'users' }, ['/module']],
  ['a range', { module: 'users@^2' }, ['/module']],
  ['a version without a name', { module: '@2.0.0' }, ['/module']],
  ['an artifact without a name', { artifact }, ['/name']],
  ['a name without an artifact', { name: 'a', module: 'users@2.0.0' }, ['/name']],
  ['a route that is none', { route: { id: 'shop', pth: '/x', target } }, ['/route/pth', '/route']],
  ['an upstream without endpoints', { upstream: { name: 'pool' } }, ['/upstream/endpoints']],
  ['a plan that is no object', { module: 'users@2.0.0', plan: [] }, ['/plan']],
  [
    'a step that is none, and one that takes back',
    { module: 'users@2.0.0', plan: { steps: ['weight 5', 'wait', { weight: 3 }] } },
    ['/plan/steps/1', '/plan/steps/2'],
  ],
  [
    'a condition that is none',
    { module: 'users@2.0.0', plan: { analysis: { conditions: ['p95 < fast'] } } },
    ['/plan/analysis/conditions/0'],
  ],
  [
    'problems of the route and of the plan together',
    { route: { id: 'shop', path: 'x', target }, plan: { steps: 'all' } },
    ['/plan', '/route/path'],
  ],
]
for (const [name, body, pointers] of invalid)
  test(`refused at its place: ${name}`, async (t) => {
    const { send, rollouts } = await fixture(t)
    const answer = await send('POST', start, { body })
    assert.deepEqual([answer.status, answer.body.code], [422, 'TURNOUT_INPUT_INVALID'], answer.text)
    const found = (answer.body.problems as readonly Answered[]).map(({ pointer }) => pointer)
    for (const pointer of pointers)
      assert.ok(
        found.some((one) => one === pointer || one.startsWith(`${pointer}/`)),
        `${pointer} in ${found.join(' ')}`,
      )
    assert.deepEqual(rollouts.started, [])
  })

test('what does not fit is refused by its code', async (t) => {
  const { send } = await fixture(t)
  const codeOf = async (method: string, path: string, body?: unknown) => {
    const answer = await send(method, path, body === undefined ? {} : { body })
    return `${answer.status} ${answer.body?.code}`
  }
  const module = { module: 'users@2.0.0' }
  assert.equal(await codeOf('POST', start, { module: 'none@1.0.0' }), '409 TURNOUT_ROLLOUT_SUBJECT')
  assert.equal(
    await codeOf('POST', start, { route: { ...shop, id: 'other' } }),
    '409 TURNOUT_ROLLOUT_SUBJECT',
  )
  assert.equal(await codeOf('POST', start, module), '201 undefined')
  assert.equal(await codeOf('POST', start, module), '409 TURNOUT_ROLLOUT_RUNNING')
  assert.equal(await codeOf('GET', `${start}/none`), '404 TURNOUT_ROLLOUT_UNKNOWN')
  assert.equal(await codeOf('GET', `${start}/none/measurements`), '404 TURNOUT_ROLLOUT_UNKNOWN')
  assert.equal(await codeOf('POST', `${start}/none/abort`), '404 TURNOUT_ROLLOUT_UNKNOWN')
  assert.equal(await codeOf('POST', `${start}/users/abort`), '200 undefined')
  for (const verb of ['pause', 'resume', 'promote', 'abort'])
    assert.equal(await codeOf('POST', `${start}/users/${verb}`), '409 TURNOUT_ROLLOUT_STATE', verb)
  assert.equal(await codeOf('POST', start, module), '201 undefined')
})

test('a rollout is moved by whoever may, with a reason, and told as it stands then', async (t) => {
  const { send, rollouts } = await fixture(t)
  await send('POST', start, { body: { module: 'users@2.0.0' } })
  const states: string[] = []
  for (const verb of ['pause', 'resume', 'promote', 'abort']) {
    const answer = await send('POST', `${start}/users/${verb}?reason=because`)
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.headers['turnout-revision'], String(answer.body.revision))
    states.push(`${verb}: ${answer.body.status} ${answer.body.weight}`)
  }
  assert.deepEqual(states, [
    'pause: paused 0',
    'resume: running 0',
    'promote: watching 100',
    'abort: aborted 0',
  ])
  const who = { author: 'admin-token', reason: 'because' }
  assert.deepEqual(
    rollouts.calls,
    ['pause', 'resume', 'promote', 'abort'].map((verb) => [verb, 'users', who]),
  )
})

test('a repeated start with the same Idempotency-Key starts once', async (t) => {
  const { send, rollouts } = await fixture(t)
  const sending = { body: { module: 'users@2.0.0' }, headers: { 'idempotency-key': 'k' } }
  const first = await send('POST', start, sending)
  const second = await send('POST', start, sending)
  assert.deepEqual([first.status, second.status], [201, 201])
  assert.equal(second.headers['idempotency-replayed'], 'true')
  assert.equal(rollouts.started.length, 1)
})

/** What each scope may do, beyond reading: started and moved rollouts of a module, a route and an upstream. */
const rights: readonly (readonly [scope: string, may: readonly string[]])[] = [
  ['deploy', ['start users', 'pause users', 'resume users', 'promote users', 'abort users']],
  [
    'write:admin',
    [
      'start shop',
      'pause shop',
      'resume shop',
      'promote shop',
      'abort shop',
      'start pool',
      'pause pool',
      'resume pool',
      'promote pool',
      'abort pool',
    ],
  ],
  ['write:/shop', ['start shop', 'pause shop', 'resume shop', 'promote shop', 'abort shop']],
  ['write:/team', []],
  ['write:files:users', []],
  [
    'rollback',
    ['pause users', 'abort users', 'pause shop', 'abort shop', 'pause pool', 'abort pool'],
  ],
  ['read', []],
]
const bodies = {
  users: { module: 'users@2.0.0' },
  shop: { route: moved },
  pool: { upstream: pool },
}
for (const [scope, may] of rights)
  test(`what ${scope} may do with rollouts`, async (t) => {
    const { send, rollouts, token } = await fixture(t)
    const own = await token('someone', scope)
    const done: string[] = []
    const tried = async (what: string, path: string, body?: unknown): Promise<void> => {
      const answer = await send('POST', path, {
        token: own,
        ...(body === undefined ? {} : { body }),
      })
      if (answer.status < 300) done.push(what)
      else
        assert.deepEqual(
          [answer.status, answer.body.code],
          [403, 'TURNOUT_SCOPE_MISSING'],
          `${what}: ${answer.text}`,
        )
    }
    for (const [id, body] of Object.entries(bodies)) {
      await tried(`start ${id}`, start, body)
      if (rollouts.find(id) === null) await send('POST', start, { body })
      for (const verb of ['pause', 'resume', 'promote', 'abort']) {
        // Each from the state that it needs.
        rollouts.set(id, { to: { status: verb === 'resume' ? 'paused' : 'running' } })
        await tried(`${verb} ${id}`, `${start}/${id}/${verb}`)
      }
    }
    assert.deepEqual(done.sort(), [...may].sort())
  })

test('a route of a file is not rolled out over the API', async (t) => {
  const { send, publisher, rollouts } = await fixture(t)
  const definition = { ...shop, id: 'of-file', path: '/f' }
  const { route } = parseRoute(definition, { owner: 'files:x', pointer: '' })
  await publisher.change({
    author: 'files',
    reason: '',
    isPartial: false,
    items: [{ kind: 'edit', owner: 'files:x', ...edit, putRoutes: [route!] }],
  })
  const body = { route: definition }
  const answer = await send('POST', start, { body })
  assert.deepEqual([answer.status, answer.body.code], [409, 'TURNOUT_OWNER_DIFFERS'])
  assert.deepEqual(rollouts.started, [])
})

test('rollouts are listed page by page: those under way first, then the newest', async (t) => {
  let now = 1_000
  const names = ['a', 'b', 'c', 'd', 'e']
  const versions = Object.fromEntries(names.map((name) => [name, '1.0.0']))
  const { url, send } = await fixture(t, { serving: versions, now: () => (now += 1_000) })
  for (const name of names) await send('POST', start, { body: { module: `${name}@2.0.0` } })
  for (const name of ['b', 'e']) await send('POST', `${start}/${name}/abort`)
  const client = createAdminClient({ url, token: root })
  const pages: string[][] = []
  let after: string | undefined
  do {
    const page = await client.listRollouts({ query: { limit: 2, after } })
    assert.ok(page.ok)
    pages.push(page.body.items.map(({ id, status }) => `${id} ${status}`))
    after = page.body.next ?? undefined
  } while (after !== undefined)
  assert.deepEqual(pages, [['d running', 'c running'], ['a running', 'e aborted'], ['b aborted']])
  const bad = await client.listRollouts({ query: { after: 'x' } })
  assert.ok(!bad.ok)
  assert.equal(bad.problem.code, 'TURNOUT_QUERY_INVALID')
})

test('measurements are listed newest first, page by page, none lost of one instant', async (t) => {
  const { send, url, rollouts } = await fixture(t)
  await send('POST', start, { body: { module: 'users@2.0.0' } })
  for (const [step, at] of [1_000, 2_000, 2_000, 2_000, 3_000].entries())
    rollouts.add('users', {
      at,
      step,
      canary: nothingSeen,
      stable: nothingSeen,
      judgements: [],
      verdict: 'inconclusive',
    })
  const client = createAdminClient({ url, token: root })
  const seen: string[] = []
  let after: string | undefined
  do {
    const params = { id: 'users' }
    const page = await client.listMeasurements({ params, query: { limit: 2, after } })
    assert.ok(page.ok)
    seen.push(...page.body.items.map(({ step, at }) => `${step} ${at}`))
    after = page.body.next ?? undefined
  } while (after !== undefined)
  assert.deepEqual(seen, [
    '4 1970-01-01T00:00:03.000Z',
    '3 1970-01-01T00:00:02.000Z',
    '2 1970-01-01T00:00:02.000Z',
    '1 1970-01-01T00:00:02.000Z',
    '0 1970-01-01T00:00:01.000Z',
  ])
})

test('versions are listed by kind and name, the highest first, page by page', async (t) => {
  const row = (kind: VersionRow['kind'], name: string, version: string): VersionRow => ({
    kind,
    name,
    version,
    state: 'current',
    weight: 50,
    deprecatedAt: null,
    sunsetAt: null,
    share: null,
    figures: nothingSeen,
  })
  const versions = [
    row('route', 'a:b', '1.0.0'),
    row('module', 'users', '9.0.0'),
    row('module', 'users', '10.0.0-rc.1'),
    row('module', 'users', '10.0.0'),
    row('module', 'cart', '1.0.0'),
  ]
  const { url } = await fixture(t, { versions })
  const client = createAdminClient({ url, token: root })
  const seen: string[] = []
  let after: string | undefined
  do {
    const page = await client.listVersions({ query: { limit: 1, after } })
    assert.ok(page.ok)
    seen.push(...page.body.items.map(({ kind, name, version }) => `${kind} ${name} ${version}`))
    after = page.body.next ?? undefined
  } while (after !== undefined)
  assert.deepEqual(seen, [
    'module cart 1.0.0',
    'module users 10.0.0',
    'module users 10.0.0-rc.1',
    'module users 9.0.0',
    'route a:b 1.0.0',
  ])
})

test('status names the rollouts that are under way', async (t) => {
  const { send } = await fixture(t)
  await send('POST', start, { body: { module: 'users@2.0.0' } })
  await send('POST', start, { body: { route: moved } })
  await send('POST', `${start}/shop/abort`)
  const rollout = { id: 'users', stable: '1.3.0', canary: '2.0.0', status: 'running' }
  assert.deepEqual((await send('GET', '/api/status')).body.rollouts, [
    { ...rollout, step: 0, steps: 3, weight: 0 },
  ])
})

test('beside=true puts a version beside the one in service, whoever owns it, without If-Match', async (t) => {
  const objectOf = async (owner: string, version: string) => {
    const register = (): void => undefined
    const object = loadObject({ name: 'users', version, register }, undefined, mount, owner)
    const outcome = await object.load()
    assert.ok(outcome.ok)
    return outcome.module
  }
  const asked: string[] = []
  const { send, publisher } = await fixture(t, {
    loadUpload: async () => ({ ok: true, module: await objectOf('admin', '2.0.0') }),
    besideItem: ({ reference }) => {
      asked.push(`${reference.name} ${reference.version}`)
      return { kind: 'edit', owner: 'admin', ...edit, removeRoutes: ['shop'] }
    },
  })
  const upload = { name: 'users', artifact }
  const first = await objectOf('files', '1.0.0')
  const set = { author: 'files', reason: '', isPartial: false, items: [deployItem(first)] }
  assert.deepEqual((await publisher.change(set)).rejections, [])
  const beside = await send('POST', '/api/modules?beside=true', { body: upload })
  assert.deepEqual([beside.status, beside.body.version], [201, '2.0.0'], beside.text)
  assert.deepEqual(asked, ['users 2.0.0'])
  // What it gave is what was published.
  assert.equal((await send('GET', '/api/routes/shop')).status, 404)
  const replacing = await send('POST', '/api/modules', { body: upload })
  assert.equal(replacing.body.code, 'TURNOUT_OWNER_DIFFERS')
})

/** Of everything something. */
const full: RolloutView = {
  rollout: {
    id: 'users',
    subject: { kind: 'module', module: 'users' },
    owner: 'files:users',
    stable: '1.3.0',
    canary: '2.0.0',
    plan: fakePlan,
    status: 'aborted',
    step: 1,
    stepSince: 1_000,
    weight: 5,
    cohort: {
      predicates: [{ kind: 'header', name: 'tier', equals: 'high', matches: null }],
      weight: 50,
    },
    startedAt: 0,
    endedAt: 2_000,
    author: 'ops',
    reason: 'errorRate 50 %, at most 1 %',
    revision: 7,
  },
  stable: { requests: 9, errors: 0, errorRate: 0, p50Ms: 1, p95Ms: 2, p99Ms: 3 },
  canary: nothingSeen,
  judgements: [
    { condition: 'p95 <= 1s', verdict: 'pass', value: 0.5, limit: 1, text: 'well' },
    { condition: 'requests > 5', verdict: 'error', value: null, limit: null, text: 'none' },
  ],
  verify: {
    compared: 3,
    different: 1,
    differences: [
      { place: 'status', count: 1, noise: 0, request: 'GET /', stable: '200', canary: null },
    ],
    failed: 1,
  },
}

test('a rollout with everything that it may have is what the document says', async (t) => {
  const { send } = await fixture(t, {
    rollouts: { ...createFakeRollouts(), find: () => full, measurements: () => [measured] },
  })
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  const paths = (await send('GET', '/api/openapi.json')).body.paths
  for (const [address, path] of [
    ['/api/rollouts/users', '/api/rollouts/{id}'],
    ['/api/rollouts/users/measurements', '/api/rollouts/{id}/measurements'],
  ] as const) {
    const { body } = await send('GET', address)
    const { schema } = paths[path].get.responses['200'].content['application/json']
    const validate = ajv.compile(schema as object)
    assert.ok(validate(body), JSON.stringify(validate.errors))
  }
  const { body } = await send('GET', '/api/rollouts/users')
  assert.deepEqual(body.cohort, {
    predicates: [{ kind: 'header', name: 'tier', equals: 'high' }],
    weight: 50,
  })
})

const measured: RolloutMeasurement = {
  at: 5,
  step: 0,
  canary: nothingSeen,
  stable: full.stable,
  judgements: full.judgements,
  verdict: 'inconclusive',
}

test('a plan with every kind of step is read, and shown as the document says', async (t) => {
  const { send, rollouts } = await fixture(t)
  const predicates = [{ kind: 'header', name: 'user-tier', equals: 'high-activity' }]
  const plan = {
    steps: [
      { verify: { percent: 50, samples: 20, ignore: ['/items/*/at'], onTimeout: 'continue' } },
      { cohort: { predicates, weight: 5 } },
      { pause: '5m' },
      'weight 10',
      'pause',
      { analysis: { count: 1, window: '30s', conditions: ['p99 <= 800ms'] } },
      'watch 90s',
    ],
    analysis: { minimumSamples: 20, interval: '10s' },
  }
  const answer = await send('POST', start, { body: { module: 'users@2.0.0', plan } })
  assert.equal(answer.status, 201, answer.text)
  assert.deepEqual(answer.body.steps, [
    'verify 20 comparisons',
    'cohort 5 % where header user-tier = high-activity',
    'pause 5m',
    'weight 10 %',
    'pause until resumed',
    'analysis, 1 pass',
    'watch 90s',
  ])
  const { plan: shown } = answer.body
  const paths = (await send('GET', '/api/openapi.json')).body.paths
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  const { requestBody, responses } = paths[start].post
  const validateBody = ajv.compile(requestBody.content['application/json'].schema as object)
  assert.ok(validateBody({ module: 'users@2.0.0', plan }), JSON.stringify(validateBody.errors))
  const validate = ajv.compile(responses['201'].content['application/json'].schema as object)
  assert.ok(validate(answer.body), JSON.stringify(validate.errors))
  // What is shown is what was read.
  const again = await send('POST', start, { body: { upstream: pool, plan: shown } })
  assert.equal(again.status, 201, again.text)
  assert.deepEqual(rollouts.started[1]?.plan, rollouts.started[0]?.plan)
})

test('what changes is told as an event, in the shape of an answer', async (t) => {
  const { publisher, directory: beside } = await open(t)
  const directory = mkdtempSync(join(beside, 'other-'))
  const events = new TurnoutEmitter(() => undefined)
  const admin = await openAdmin(
    { publisher, events, log: silentLogger, directory, token: root },
    { ...facts, rollouts: { ...createFakeRollouts(), find: () => full } },
    { host: '127.0.0.1', port: 0 },
  )
  t.after(() => admin.close(0))
  const client = createAdminClient({ url: admin.url, token: root })
  const ended = new AbortController()
  // Said until the client that follows is there.
  const saying = setInterval(() => events.emit('rollout', full), 10)
  for await (const { name, data } of client.follow({ signal: ended.signal })) {
    clearInterval(saying)
    assert.equal(name, 'rollout')
    const answer = await client.getRollout({ params: { id: 'users' } })
    assert.ok(answer.ok)
    assert.deepEqual(data, answer.body)
    ended.abort()
  }
})
