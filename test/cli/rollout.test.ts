import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { ModuleUpload } from '../../src/admin/upload.ts'
import type { Judgement, VersionRow } from '../../src/control/rollouts.ts'
import { nothingSeen, type FakeRollouts } from '../admin/support/fake-rollouts.ts'
import { root } from '../admin/support/open.ts'
import { makeFolder } from '../hot/support/served.ts'
import { blocksOf } from '../docs/page.ts'
import { root as projectRoot } from '../docs/root.ts'
import { beginning, openRollouts, runCommand, type Running } from './rollout-support.ts'

/** Compares with a golden file; `TURNOUT_GOLDEN=write` writes it. */
const isGolden = (name: string, text: string): void => {
  const file = new URL(`../../../test/golden/cli/${name}.txt`, import.meta.url)
  if (process.env['TURNOUT_GOLDEN'] === 'write') writeFileSync(file, text)
  assert.equal(text, readFileSync(file, 'utf8'))
}

/** Clocks differ from run to run, and a file shows no control characters. */
const still = (text: string): string =>
  text
    .replaceAll('\u001B', '\\e')
    .replaceAll(/^\d\d:\d\d:\d\dZ/gm, 'HH:MM:SSZ')
    .replaceAll(/, for \d+ \w+( \d+ \w+)?$/gm, ', for TIME')

// oxlint-disable-next-line typescript/no-explicit-any -- its shape is what the tests assert
const linesOf = (running: Running): readonly any[] =>
  running
    .out()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)

const seen = { requests: 1_200, errors: 1, errorRate: 1 / 1_200, p50Ms: 4.25, p95Ms: 18, p99Ms: 40 }
const few = { requests: 61, errors: 0, errorRate: 0, p50Ms: 0.456, p95Ms: 19.4, p99Ms: 41 }
const bad = { ...few, errors: 31, errorRate: 31 / 61 }
const passes: Judgement = {
  condition: 'p95 <= stable * 1.15',
  verdict: 'pass',
  value: 19.4,
  limit: 20.7,
  text: 'p95 is 19.4ms, as wanted: <= 20.7ms (stable 18ms)',
}
const fails: Judgement = {
  condition: 'errorRate <= 1%',
  verdict: 'fail',
  value: 0.508,
  limit: 0.01,
  text: 'errorRate is 50.8%, not <= 1%; chance does so less than once in 1,000,000,000 times',
}

/** From the start to the pause that waits for somebody. */
async function toPause(rollouts: FakeRollouts, running: Running): Promise<void> {
  await running.says('step 1 of 3')
  rollouts.set('users', { stable: seen, canary: few, judgements: [passes], to: { weight: 5 } })
  await running.says('pass')
  rollouts.set('users', { to: { step: 1, status: 'paused' } })
  await running.says('step 2 of 3')
}

const who = { author: 'ops', reason: 'it is well' }

for (const [name, isTerminal] of [
  ['in place on a terminal', true],
  ['line by line elsewhere', false],
] as const)
  test(`a rollout is followed to its end ${name}: exit code 0`, async (t) => {
    const { url, rollouts } = await openRollouts(t)
    const words = ['rollout', 'start', 'users@2.0.0', '--follow', '--reason', 'friday']
    const running = runCommand(url, words, { isTerminal })
    await toPause(rollouts, running)
    await rollouts.promote('users', who)
    await running.says('step 3 of 3')
    rollouts.set('users', { to: { status: 'promoted', step: 3, endedAt: beginning + 5_000 } })
    assert.equal(await running.code, 0, running.err())
    isGolden(`rollout-follow-${isTerminal ? 'terminal' : 'lines'}`, still(running.out()))
  })

test('an aborted rollout ends with exit code 1, and why', async (t) => {
  const { url, rollouts } = await openRollouts(t)
  const running = runCommand(url, ['rollout', 'start', 'users@2.0.0', '--follow'])
  await running.says('step 1 of 3')
  rollouts.set('users', { stable: seen, canary: bad, judgements: [passes, fails] })
  await running.says('fail')
  await rollouts.abort('users', { author: 'turnout', reason: fails.text })
  assert.equal(await running.code, 1)
  isGolden('rollout-aborted', still(running.out()))
})

test('--json follows with an object a line, the same exit codes, and no line twice', async (t) => {
  const { url, rollouts } = await openRollouts(t)
  for (const [status, code] of [
    ['promoted', 0],
    ['aborted', 1],
    ['superseded', 1],
  ] as const) {
    const running = runCommand(url, ['rollout', 'start', 'users@2.0.0', '--follow', '--json'])
    await running.says('"status":"running"')
    rollouts.set('users', { to: { weight: 5 } })
    await running.says('"weight":5')
    rollouts.set('users', { to: { status, endedAt: beginning } })
    assert.equal(await running.code, code, status)
    const states = linesOf(running).map((line) => `${line.event} ${line.status} ${line.weight}`)
    assert.deepEqual(states, ['rollout running 0', 'rollout running 5', `rollout ${status} 5`])
  }
})

test('one that is over is told at once, and one that begins anew is another', async (t) => {
  const times = { now: beginning }
  const { url, rollouts } = await openRollouts(t, { now: () => times.now })
  const start = () =>
    rollouts.start({ kind: 'module', module: 'users', version: '2.0.0' }, null, who)
  await start()
  await rollouts.abort('users', { author: 'ops', reason: 'it was late' })
  const over = runCommand(url, ['rollout', 'status', 'users', '--follow'])
  assert.equal(await over.code, 1)
  assert.match(
    over.out(),
    /^✗ users 1\.3\.0 → 2\.0\.0 {2}aborted, all clients are on 1\.3\.0: it was late$/m,
  )
  await start()
  const running = runCommand(url, ['rollout', 'status', '--follow'])
  await running.says('step 1 of 3')
  // Nobody heard how that one ended.
  times.now += 1_000
  const before = rollouts.find('users')!
  rollouts.set('users', { to: { ...before.rollout, startedAt: times.now } })
  assert.equal(await running.code, 1)
  assert.match(running.out(), /^users: another rollout of it began$/m)
})

test('a restart of the instance is waited for', async (t) => {
  const first = await openRollouts(t)
  const { rollouts } = first
  await rollouts.start({ kind: 'module', module: 'users', version: '2.0.0' }, null, who)
  const between = { afters: [] as (() => unknown)[] }
  const dying = await openRollouts(
    { after: (end) => void between.afters.push(end as () => unknown) },
    { rollouts },
  )
  const running = runCommand(dying.url, ['rollout', 'status', 'users', '--follow'])
  await running.says('step 1 of 3')
  for (const end of between.afters) await end()
  await openRollouts(t, { rollouts }, { port: dying.port })
  rollouts.set('users', { to: { status: 'promoted', step: 3, endedAt: beginning } })
  assert.equal(await running.code, 0, running.err())
})

test('Ctrl-C leaves the rollout running, and says so', async (t) => {
  const { url, rollouts } = await openRollouts(t)
  await rollouts.start({ kind: 'module', module: 'users', version: '2.0.0' }, null, who)
  const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
  for (const [flags, left] of [
    [[], /^The rollout of users goes on\. To look again: turnout rollout status users --follow$/m],
    [['--json'], /^\{"event":"rollout-left","id":"users"\}$/m],
  ] as const) {
    const words = ['rollout', 'status', 'users', '--follow', '--admin', url, ...flags]
    const child = spawn(process.execPath, [main, ...words], {
      env: { ...process.env, TURNOUT_ADMIN_TOKEN: root },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let out = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (out === '') child.kill('SIGINT')
      out += text
    })
    const [code] = (await once(child, 'close')) as [number | null]
    assert.equal(code, 130, out)
    assert.match(out, left)
  }
  assert.equal(rollouts.find('users')?.rollout.status, 'running')
  assert.deepEqual(rollouts.calls, [])
})

test('rollouts are started, looked at, listed and moved: as in the golden file', async (t) => {
  const { url, send, rollouts } = await openRollouts(t)
  const shop = { id: 'shop', path: '/shop', target: { uri: 'http://127.0.0.1:9001' } }
  await send('POST', '/api/routes', { body: shop })
  const folder = makeFolder(t, {
    'shop.yaml': 'id: shop\npath: /shop\ntarget: { uri: "http://127.0.0.1:9002" }\n',
    'pool.json': '{ "name": "pool", "endpoints": ["http://127.0.0.1:9002"] }',
  })
  let transcript = ''
  const run = async (text: string): Promise<void> => {
    const running = runCommand(url, text.split(' '), { folder })
    const code = await running.code
    transcript += `$ turnout ${text}\n${running.out()}${running.err()}`
    if (code !== 0) transcript += `exit code ${code}\n`
    transcript += '\n'
  }
  await run('rollout status')
  await run('rollout list')
  await run('rollout start users@2.0.0 --reason friday')
  await run('rollout start users@2.0.0')
  await run('rollout start --route shop.yaml')
  await run('rollout start --upstream pool.json')
  rollouts.set('users', {
    stable: seen,
    canary: bad,
    judgements: [passes, fails],
    to: {
      weight: 5,
      cohort: {
        weight: 50,
        predicates: [{ kind: 'header', name: 'tier', equals: 'high', matches: null }],
      },
    },
    verify: {
      compared: 40,
      different: 2,
      differences: [
        {
          place: 'body /items/*/price',
          count: 2,
          noise: 0,
          request: 'GET /users/7',
          stable: '12',
          canary: null,
        },
      ],
      failed: 1,
    },
  })
  await run('rollout pause users --reason look')
  await run('rollout status users')
  await run('rollout resume users')
  await run('rollout promote users')
  await run('rollout abort users --reason slow')
  await run('rollout abort users')
  await run('rollout abort none')
  await run('rollout status none')
  await run('rollout status --follow')
  await run('rollout abort pool')
  await run('rollout list')
  isGolden('rollout-commands', still(transcript))
})

test('--json of each is an object a line', async (t) => {
  const { url } = await openRollouts(t)
  const run = async (...words: readonly string[]) => {
    const running = runCommand(url, [...words, '--json'])
    await running.code
    return linesOf(running).map(({ event, id, status, code }) => `${event} ${id ?? code} ${status}`)
  }
  assert.deepEqual(await run('rollout', 'start', 'users@2.0.0'), ['rollout users running'])
  assert.deepEqual(await run('rollout', 'pause', 'users'), ['rollout users paused'])
  assert.deepEqual(await run('rollout', 'status'), ['rollout users paused'])
  assert.deepEqual(await run('rollout', 'list'), ['rollout users paused'])
  assert.deepEqual(await run('rollout', 'start', 'users@2.0.0'), [
    'problem TURNOUT_ROLLOUT_RUNNING undefined',
  ])
})

test('a file of code is built and uploaded; what it fails with names the file', async (t) => {
  const uploads: ModuleUpload[] = []
  const { url } = await openRollouts(t, {
    loadUpload: (upload) => {
      uploads.push(upload)
      const message = 'register threw'
      return Promise.resolve({
        ok: false,
        problems: [{ code: 'TURNOUT_MODULE_LOAD_FAILED', message }],
      })
    },
  })
  const folder = makeFolder(t, {
    'v2/users.ts': `import { word } from './word.ts'
export default { version: '2.0.0', register: (routes) => void routes.get('/users', (c) => c.text(word)) }
`,
    'v2/word.ts': `export const word: string = 'new'\n`,
  })
  const running = runCommand(url, ['rollout', 'start', 'v2/users.ts'], { folder })
  assert.equal(await running.code, 1)
  assert.match(running.err(), /TURNOUT_MODULE_LOAD_FAILED +v2\/users\.ts: register threw/)
  const [upload] = uploads
  assert.deepEqual([upload?.name, upload?.file], ['users', 'v2/users.ts'])
  assert.match(upload!.artifact.script, /new/)
})

test('every problem of a definition and its plan is told at its place', async (t) => {
  const { url, rollouts } = await openRollouts(t)
  const folder = makeFolder(t, {
    'shop.yaml': 'id: shop\npath: nope\ntarget: { respond: { status: 99 } }\n',
    'plan.yaml': 'stps:\n  - weight: 5\n',
  })
  const words = ['rollout', 'start', '--route', 'shop.yaml', '--plan', 'plan.yaml']
  const running = runCommand(url, words, { folder })
  assert.equal(await running.code, 1)
  for (const place of ['shop.yaml:2:7', 'shop.yaml:3:30', 'plan.yaml:'])
    assert.ok(running.err().includes(`at ${place}`), `${place} in ${running.err()}`)
  assert.deepEqual(rollouts.started, [])
})

const unusable: readonly (readonly [string, readonly string[], number, RegExp])[] = [
  ['a file that is not there', ['users.ts'], 2, /users\.ts: it is not there/],
  ['a word that is neither', ['users'], 2, /expected NAME@VERSION/],
  ['data in place of code', ['route.yaml'], 2, /--route FILE/],
  ['a folder of two modules', ['two'], 2, /a rollout is of one module/],
  ['a list in place of a route', ['--route', 'list.yaml'], 1, /the object of one route/],
  ['YAML that is none', ['--upstream', 'torn.yaml'], 1, /TURNOUT_INPUT_FILE/],
  ['a plan that is not there', ['users@2.0.0', '--plan', 'none'], 2, /none: it is not there/],
  ['one input for two files', ['--route', '-', '--plan', '-'], 2, /name the other/],
]
for (const [name, words, code, message] of unusable)
  test(`nothing is sent: ${name}`, async (t) => {
    const { url, rollouts } = await openRollouts(t)
    const module = 'export default { register: () => undefined }\n'
    const folder = makeFolder(t, {
      'route.yaml': 'id: shop\npath: /shop\n',
      'list.yaml': '- id: shop\n',
      'torn.yaml': 'name: [\n',
      'two/a.js': module,
      'two/b.js': module,
    })
    const running = runCommand(url, ['rollout', 'start', ...words], { folder })
    assert.equal(await running.code, code, running.err())
    assert.match(running.err(), message)
    assert.deepEqual([running.out(), rollouts.started], ['', []])
  })

test('the plan of the guide, with a step of every kind, is taken', async (t) => {
  const { url, rollouts } = await openRollouts(t)
  const page = readFileSync(new URL('docs/guide/rollouts.md', projectRoot), 'utf8')
  const plan = blocksOf(page).find(({ marker }) => marker === 'file: plan.yaml')
  const folder = makeFolder(t, { 'plan.yaml': plan!.text })
  const words = ['rollout', 'start', 'users@2.0.0', '--plan', 'plan.yaml']
  const running = runCommand(url, words, { folder })
  assert.equal(await running.code, 0, running.err())
  const kinds = rollouts.started[0]?.plan?.steps.map(({ kind }) => kind)
  assert.deepEqual(kinds, 'verify cohort analysis weight pause weight pause watch'.split(' '))
})

test('a definition may come from standard input', async (t) => {
  const { url, rollouts } = await openRollouts(t)
  const input = JSON.stringify({ name: 'pool', endpoints: ['http://127.0.0.1:9002'] })
  const running = runCommand(url, ['rollout', 'start', '--upstream', '-'], { input })
  assert.equal(await running.code, 0, running.err())
  assert.equal(rollouts.started[0]?.what.kind, 'upstream')
})

test('versions are a table, or an object a line', async (t) => {
  const row: VersionRow = {
    kind: 'module',
    name: 'users',
    version: '2.0.0',
    state: 'current',
    weight: 5,
    deprecatedAt: null,
    sunsetAt: null,
    share: 0.0487,
    figures: few,
  }
  const versions: readonly VersionRow[] = [
    row,
    {
      ...row,
      version: '1.3.0',
      state: 'deprecated',
      weight: 95,
      share: 0.9513,
      sunsetAt: '2026-12-31T00:00:00.000Z',
      figures: seen,
    },
    { ...row, kind: 'route', name: 'shop', weight: null, share: null, figures: nothingSeen },
  ]
  const { url } = await openRollouts(t, { versions })
  const table = runCommand(url, ['versions'])
  assert.equal(await table.code, 0)
  isGolden('versions', table.out())
  const json = runCommand(url, ['versions', '--json'])
  assert.equal(await json.code, 0)
  assert.deepEqual(
    linesOf(json),
    versions.map((row) => ({ event: 'version', ...row })),
  )
  const none = runCommand((await openRollouts(t)).url, ['versions'])
  assert.deepEqual([await none.code, none.out()], [0, 'no versions\n'])
})

test('status names the rollouts that are under way', async (t) => {
  const { url, rollouts } = await openRollouts(t)
  await rollouts.start({ kind: 'module', module: 'users', version: '2.0.0' }, null, who)
  rollouts.set('users', { to: { weight: 5, step: 1 } })
  const running = runCommand(url, ['status'])
  assert.equal(await running.code, 0)
  assert.match(running.out(), /^rollouts +users 1\.3\.0 → 2\.0\.0 \(running, step 2 of 3, 5 %\)$/m)
})

test('a token that may start and not read is told so when it follows', async (t) => {
  const { url, token, rollouts } = await openRollouts(t)
  const own = await token('ci', 'deploy')
  const words = ['rollout', 'start', 'users@2.0.0', '--follow']
  const running = runCommand(url, words, { token: own })
  assert.equal(await running.code, 1)
  assert.match(running.err(), /TURNOUT_SCOPE_MISSING/)
  assert.equal(rollouts.started.length, 1)
})
