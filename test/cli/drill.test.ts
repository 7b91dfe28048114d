import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ask, save } from '../hot/support/served.ts'
import { startInstance, type Running } from './instance-support.ts'

const respond = (id: string): object => ({
  id,
  path: `/${id}`,
  target: { respond: { status: 200, body: id } },
  filters: [{ kind: 'set-response-header', name: 'x-own', value: 'kept' }],
})
const routes = JSON.stringify([respond('one'), respond('two')])
const probe = (id: string): object => ({ url: `/${id}`, perSecond: 40, expect: [200] })
const drillOf = (steps: readonly object[], budget: object = { errorPercent: 50 }): string =>
  JSON.stringify({ budget, probe: [probe('one'), probe('two')], steps })
const abort = { name: 'gone', routes: ['one'], fault: { abortStatus: 503 } }

async function startDrilled(
  t: TestContext,
  steps: readonly object[],
  budget?: object,
): Promise<Running> {
  const running = await startInstance(t, {
    'routes.json': routes,
    'drill.json': drillOf(steps, budget),
  })
  assert.equal((await running.turnout('publish', 'routes.json')).code, 0)
  return running
}

/** A drill that is under way, from the moment that its first fault stands there. */
async function startDrill(t: TestContext, { folder, served }: Running): Promise<ChildProcess> {
  const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
  const words = [main, 'drill', 'drill.json', '--json', '--report', 'report.json']
  const child = spawn(process.execPath, [...words, '--data', served.data], { cwd: folder })
  t.after(() => child.kill('SIGKILL'))
  let out = ''
  for await (const text of child.stdout.iterator({ destroyOnReturn: false })) {
    out += String(text)
    if (out.includes('"drill-step"')) return child
  }
  throw new Error(`the drill did not begin: ${out}`)
}

const filtersOf = async ({ json }: Running, id: string): Promise<readonly unknown[]> => {
  const rows = await json('diff', '0', String((await json('status'))[0].revision))
  return rows[0].routes.added.find((route: { id: string }) => route.id === id).filters
}
const own = [{ kind: 'set-response-header', name: 'x-own', value: 'kept' }]

test('a delay and an abort over two routes are seen by the probes, and taken back', async (t) => {
  const running = await startDrilled(
    t,
    [
      { name: 'slow', routes: ['one', 'two'], fault: { delayMs: 150 }, for: '1s' },
      { ...abort, forMs: 1_000, at: '+100ms' },
    ],
    { errorPercent: 60, minRequests: 20 },
  )
  const { code, out, err } = await running.turnout('drill', 'drill.json', '--report', 'report.json')
  assert.deepEqual([code, err], [0, ''], out)
  assert.match(out, /^▸ slow {2}delay of 150 ms, 1 s, on one, two {2}revision 3$/m)
  assert.match(out, /^✓ slow {2}held {2}\d+ sent, 0 failed .*taken back by revision 4$/m)
  assert.match(out, /^✓ gone {2}held .*taken back by revision 6$/m)
  assert.match(out, /^2 of 2 steps held$/m)
  const report = JSON.parse(readFileSync(join(running.folder, 'report.json'), 'utf8'))
  const [slow, gone] = report.steps
  assert.deepEqual(
    [report.verdict, slow.injected, slow.takenBack, gone.injected, gone.takenBack],
    ['held', 3, 4, 5, 6],
  )
  assert.ok(slow.counts.p50Ms >= 145, JSON.stringify(slow))
  assert.deepEqual(Object.keys(slow.counts.statuses), ['200'])
  assert.equal(gone.counts.failed, gone.counts.statuses['503'])
  assert.ok(gone.counts.statuses['200'] > 0 && gone.counts.statuses['503'] > 0)
  for (const id of ['one', 'two']) {
    const { status, headers } = await ask(running.served.port, `/${id}`)
    assert.deepEqual([status, headers['x-own']], [200, 'kept'])
    assert.deepEqual(await filtersOf(running, id), own)
  }
  const [last] = await running.json('history')
  assert.deepEqual([last.takesBack, last.reason], [5, 'drill: end of gone'])
})

test('a step that spends the budget is taken back at once, and no other begins', async (t) => {
  const running = await startDrilled(t, [
    { ...abort, routes: ['one', 'two'], for: '60s' },
    { ...abort, name: 'never', for: '60s' },
  ])
  const [started, ended, whole, spent] = await running.json('drill', 'drill.json')
  const events = [started, ended, spent, whole].map((one) => one.event)
  assert.deepEqual(events.toSorted(), ['drill', 'drill-step', 'drill-step-ended', 'problem'])
  const report = [ended, whole, spent].find(({ event }) => event === 'drill')
  assert.deepEqual(
    report.steps.map((one: { verdict: string }) => one.verdict),
    ['spent', 'skipped'],
  )
  assert.equal(report.verdict, 'spent')
  assert.equal((await ask(running.served.port, '/one')).status, 200)
  const again = await running.turnout('drill', 'drill.json', '--report', 'report.txt')
  assert.equal(again.code, 4)
  assert.match(again.err, /TURNOUT_DRILL_SPENT .*step gone: \d+ of \d+ probes failed/)
  const text = readFileSync(join(running.folder, 'report.txt'), 'utf8')
  assert.match(text, /^ {2}statuses {2}503 x \d+$/m)
  assert.match(text, /^✗ never {2}skipped$/m)
})

test('a drill that is killed leaves a fault that the instance takes back by itself', async (t) => {
  const running = await startDrilled(t, [{ ...abort, for: '1s' }])
  const child = await startDrill(t, running)
  child.kill('SIGKILL')
  await once(child, 'close')
  assert.equal((await ask(running.served.port, '/one')).status, 503)
  await running.served.next(({ event, revision }) => event === 'applied' && revision === 4, 0)
  assert.equal((await ask(running.served.port, '/one')).status, 200)
  const [last] = await running.json('history')
  assert.deepEqual([last.takesBack, last.author], [3, 'turnout'])
})

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  test(`${signal} takes the step back`, async (t) => {
    const running = await startDrilled(t, [{ ...abort, for: '60s' }], { errorPercent: 100 })
    const child = await startDrill(t, running)
    child.kill(signal)
    const [code] = (await once(child, 'close')) as [number]
    assert.equal(code, 1)
    assert.equal((await ask(running.served.port, '/one')).status, 200)
    const report = JSON.parse(readFileSync(join(running.folder, 'report.json'), 'utf8'))
    const [step] = report.steps
    assert.deepEqual([step.verdict, step.takenBack, step.isGone], ['interrupted', 4, true])
  })

test('what somebody else changes meanwhile stays, without the fault', async (t) => {
  const running = await startDrilled(t, [{ ...abort, routes: ['one', 'two'], for: '60s' }], {
    errorPercent: 100,
  })
  const child = await startDrill(t, running)
  const faulted = (await filtersOf(running, 'one')) as object[]
  assert.equal(faulted.length, 2)
  const edited = { ...respond('one'), filters: faulted, metadata: { seen: true } }
  save(running.folder, 'one.json', JSON.stringify(edited))
  save(running.folder, 'three.json', JSON.stringify(respond('three')))
  assert.equal((await running.turnout('publish', 'one.json', 'three.json', '--force')).code, 0)
  child.kill('SIGINT')
  await once(child, 'close')
  for (const id of ['one', 'two', 'three']) {
    assert.equal((await ask(running.served.port, `/${id}`)).status, 200)
    assert.deepEqual(await filtersOf(running, id), own)
  }
  const report = JSON.parse(readFileSync(join(running.folder, 'report.json'), 'utf8'))
  assert.deepEqual(report.steps[0].changed, ['one'])
})

test('what cannot be drilled is refused before anything begins', async (t) => {
  const running = await startDrilled(t, [{ ...abort, for: '1s' }])
  const long = { ...respond('long'), filters: Array.from({ length: 32 }, () => own[0]) }
  save(running.folder, 'long.json', JSON.stringify(long))
  assert.equal((await running.turnout('publish', 'long.json')).code, 0)
  assert.equal((await running.turnout('disable', 'two')).code, 0)
  const before = (await running.json('status'))[0].revision
  const good = { ...abort, for: '1s' }
  const cases: readonly (readonly [string, object, string, RegExp])[] = [
    ['unknown', { routes: ['one', 'nope'] }, 'TURNOUT_ITEM_UNKNOWN', /route nope/],
    ['of a module', { routes: ['users#GET /users/:id'] }, 'TURNOUT_OWNER_DIFFERS', /files:users/],
    ['off', { routes: ['two'] }, 'TURNOUT_DRILL_ROUTE_OFF', /two/],
    ['full', { routes: ['long'] }, 'TURNOUT_DEFINITION_INVALID', /32/],
    ['no duration', { for: '1 s' }, 'TURNOUT_DRILL_INVALID', /100ms to 23h/],
  ]
  for (const [name, part, code, message] of cases) {
    save(running.folder, 'bad.json', drillOf([good, { ...good, ...part }]))
    const { code: exit, out, err } = await running.turnout('drill', 'bad.json')
    assert.deepEqual([exit, out], [1, ''], name)
    assert.match(err, new RegExp(`${code} +.*${message.source}[\\s\\S]*at bad\\.json:1:\\d+`), name)
  }
  const words: readonly (readonly [number, RegExp, ...string[]])[] = [
    [1, /TURNOUT_DRILL_REPORT/, 'drill.json', '--report', 'nowhere/report.json'],
    [2, /TURNOUT_DRILL_INVALID .*not there/, 'nope.yaml'],
    [2, /http:\/\/ or https:\/\/ URL/, 'drill.json', '--url', 'ftp://a'],
  ]
  for (const [exit, message, ...rest] of words) {
    const { code, err } = await running.turnout('drill', ...rest)
    assert.equal(code, exit, rest.join(' '))
    assert.match(err, message)
  }
  assert.equal((await running.json('status'))[0].revision, before)
})

test('a route of a Spring definition is the same definition afterwards', async (t) => {
  const running = await startDrilled(t, [{ ...abort, routes: ['spring'], for: '1s' }], {
    errorPercent: 100,
  })
  const definition = {
    id: 'spring',
    uri: 'http://127.0.0.1:1',
    predicates: [{ name: 'Path', args: { _genkey_0: '/spring/**' } }],
    filters: [{ name: 'StripPrefix', args: { _genkey_0: '1' } }],
  }
  save(running.folder, 'spring.json', JSON.stringify(definition))
  assert.equal((await running.turnout('publish', 'spring.json')).code, 0)
  const token = readFileSync(join(running.served.data, 'admin-token'), 'utf8').trim()
  const read = async (): Promise<unknown> => {
    const url = new URL('/actuator/gateway/routedefinitions', running.served.admin)
    const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
    return answer.json()
  }
  const before = await read()
  assert.match(JSON.stringify(before), /StripPrefix/)
  assert.equal((await running.turnout('drill', 'drill.json')).code, 0)
  assert.deepEqual(await read(), before)
})

test('probes that reach nobody spend the budget', async (t) => {
  const running = await startDrilled(t, [{ ...abort, fault: { delayMs: 1 }, for: '30s' }])
  const { code, out } = await running.turnout('drill', 'drill.json', '--url', 'http://127.0.0.1:1')
  assert.equal(code, 4)
  assert.match(out, /^✗ gone {2}spent its budget .*taken back by revision 4$/m)
})
