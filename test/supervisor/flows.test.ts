import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  ask,
  isApplied,
  isRejected,
  makeFolder,
  problemsOf,
  removeFolder,
  save,
} from '../hot/support/served.ts'
import { loggedIn } from '../hot/support/hitless.ts'
import { freePort } from '../road/support/instance.ts'
import { askHeld, isAlive, until } from '../worker/support.ts'
import { answering, killUnderLoad, serving, startedLoad, tagOf, told } from './under-load.ts'
import { kill, newFamily, publish, startSupervised } from './support.ts'

test('8 workers are killed under load: their own exchanges are reset, nobody else sees anything', (t) =>
  killUnderLoad(t, 8))

test('a killed supervisor takes its workers along, leaves the port, and the next one serves what was published', async (t) => {
  const folder = makeFolder(t, { 'serving.js': serving(1) })
  const first = await startSupervised(t, folder, 2)
  await publish(first, 'one')
  const revision = await publish(first, 'two')
  const workers = await first.workers()
  const { port, data } = first
  const held = askHeld(port, '/later')
  kill(first.pid)
  assert.equal(await first.ended, 'SIGKILL')
  await until('a worker lives on', () => !workers.some(({ pid }) => isAlive(pid)))
  await held.text.catch(() => undefined)
  await new Promise<void>((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve()))
  })
  assert.deepEqual(first.family(), [])

  const startedAt = performance.now()
  const second = await startSupervised(t, folder, 2, { data, port })
  t.diagnostic(`ready after ${Math.round(performance.now() - startedAt)} ms`)
  assert.equal((await ask(port, '/told')).text, 'two')
  assert.equal((await second.send('GET', '/api/status')).body.revision, revision)
  assert.equal((await answering(second, 2)).size, 2)
})

test('a supervisor that is killed while a worker starts leaves nobody behind', async (t) => {
  const folder = makeFolder(t, { 'serving.js': serving(1) })
  for (const pauseMs of [20, 60, 120, 240]) {
    const instance = await startSupervised(t, folder, 1, { data: `${folder}-${pauseMs}` })
    t.after(() => removeFolder(`${folder}-${pauseMs}`))
    const [worker] = await instance.workers()
    kill(worker!.pid)
    await delay(pauseMs)
    kill(instance.pid)
    try {
      await until(`after ${pauseMs} ms one lives on`, () => instance.family().length === 0)
    } finally {
      for (const pid of instance.family()) kill(pid)
    }
  }
})

const moments = [
  { name: 'before the workers make it ready', failpoint: 'prepare.before@1=sleep:400' },
  { name: 'between prepare and apply', failpoint: 'prepare.after@1=sleep:400' },
  { name: 'when it is on the disk', failpoint: 'store.afterSync@1=sleep:400' },
  { name: 'right before the apply', failpoint: 'apply.before@1=sleep:400' },
  { name: 'right after the apply', failpoint: 'apply.after@1=sleep:400' },
] as const

for (const [at, { name, failpoint }] of moments.entries()) {
  test(`a worker killed ${name}: the change is whole or refused, and all serve one revision`, async (t) => {
    const folder = makeFolder(t, { 'serving.js': serving(1) })
    const instance = await startSupervised(t, folder, 2)
    const before = await instance.whole(2)
    const victim = before[at % 2]!.pid
    const other = before[(at + 1) % 2]!.pid
    await instance.arm(failpoint)
    const reached = instance.next(({ event }) => event === 'reached')
    const ended = instance.next(
      (event) => isApplied('serving', '2.0.0')(event) || isRejected('serving')(event),
    )
    save(folder, 'serving.js', serving(2))
    await reached
    kill(victim)
    const { event } = await ended
    const after = await instance.whole(2, [victim])
    assert.ok(
      after.some(({ pid }) => pid === other),
      'the other one lives on',
    )
    const versions = new Set<string>()
    const pids = new Set<string>()
    await until('not both answered', async () => {
      const answers = await Promise.all(
        Array.from({ length: 12 }, () => ask(instance.port, '/serving')),
      )
      for (const { headers } of answers) {
        versions.add(String(headers['x-version']))
        pids.add(String(headers['x-pid']))
      }
      return pids.size >= 2
    })
    assert.deepEqual([...versions], [tagOf(event === 'applied' ? 2 : 1)])
    // What comes next is as ever.
    const next = instance.next(isApplied('serving', '3.0.0'))
    save(folder, 'serving.js', serving(3))
    await next
    assert.equal((await ask(instance.port, '/serving')).headers['x-version'], tagOf(3))
  })
}

test('whoever asks after the answer of a change is served by it, in every worker: 100 changes', async (t) => {
  const folder = makeFolder(t, { 'serving.js': serving(1) })
  const instance = await startSupervised(t, folder, 2)
  const { port } = instance
  await answering(instance, 2)
  let asked = 0
  for (let at = 1; at <= 100; at += 1) {
    // Others are on their way.
    const beside = Array.from({ length: 6 }, () => ask(port, '/serving'))
    const revision = await publish(instance, `r${at}`)
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask(port, '/told')))
    for (const { status, text } of answers) {
      assert.equal(status, 200)
      assert.equal(text, `r${at}`, `revision ${revision}`)
      asked += 1
    }
    await Promise.all(beside)
    if (at % 20 === 0) assert.equal((await answering(instance, 2)).size, 2)
  }
  assert.equal(asked, 1_200)
})

test('what one worker cannot make ready is refused for all', async (t) => {
  const folder = makeFolder(t, { 'serving.js': serving(1) })
  const instance = await startSupervised(t, folder, 2)
  const pids = (await instance.workers()).map(({ pid }) => pid)
  const throwing = "if (process.title.endsWith('worker 2')) throw new Error('not here')"
  const rejected = instance.next(isRejected('serving'))
  save(folder, 'serving.js', serving(2, throwing))
  const [first] = problemsOf(await rejected)
  assert.equal(first!.code, 'TURNOUT_MODULE_LOAD_FAILED')
  assert.match(first!.message, /not here/)
  const versions = new Set<unknown>()
  for (let round = 0; round < 5; round += 1) {
    const all = await Promise.all(Array.from({ length: 12 }, () => ask(instance.port, '/serving')))
    for (const { headers } of all) versions.add(headers['x-version'])
  }
  assert.deepEqual([...versions], [tagOf(1)])
  assert.deepEqual(
    (await instance.workers()).map(({ pid }) => pid),
    pids,
    'nobody was replaced for it',
  )
  const applied = instance.next(isApplied('serving', '3.0.0'))
  save(folder, 'serving.js', serving(3))
  await applied
})

test('a service that opens in one worker only refuses the module that wants it, for all', async (t) => {
  const folder = makeFolder(t)
  const gate = join(folder, '.opens')
  save(
    folder,
    'turnout.config.js',
    `import { existsSync } from 'node:fs'
    export default { services: { db: { open() {
      if (process.title.endsWith('worker 2') && !existsSync(${JSON.stringify(gate)})) throw new Error('no connection')
      return { name: 'db' }
    } } } }`,
  )
  const routes = makeFolder(t, { 'serving.js': serving(1) })
  const config = join(folder, 'turnout.config.js')
  const instance = await startSupervised(t, routes, 2, { words: ['--config', config] })
  const found = instance.events.filter(isRejected('serving')).flatMap(problemsOf)
  assert.deepEqual(
    found.map(({ code }) => code),
    ['TURNOUT_SERVICE_FAILED'],
  )
  assert.equal((await ask(instance.port, '/serving')).status, 404)
  writeFileSync(gate, '')
  const applied = instance.next(isApplied('serving', '2.0.0'))
  save(routes, 'serving.js', serving(2))
  await applied
  assert.equal((await answering(instance, 2)).size, 2)
})

test('a module that ends its process when it is made ready is refused, and costs one process', async (t) => {
  const folder = makeFolder(t, { 'serving.js': serving(1) })
  const instance = await startSupervised(t, folder, 2)
  const before = (await instance.workers()).map(({ pid }) => pid)
  const rejected = instance.next(isRejected('serving'))
  // Containment keeps code from ending its own process; a process of its own may still do it.
  const ends =
    "if (process.title.endsWith('worker 1')) process.getBuiltinModule('node:child_process').spawnSync('kill', ['-9', String(process.pid)])"
  save(folder, 'serving.js', serving(2, ends))
  const [first] = problemsOf(await rejected)
  assert.equal(first!.code, 'TURNOUT_WORKER_LOST')
  const after = (await instance.whole(2, [before[0]!])).map(({ pid }) => pid)
  assert.ok(after.includes(before[1]!))
  assert.equal((await ask(instance.port, '/serving')).headers['x-version'], tagOf(1))
})

test('a taken port: the problem by its name, exit code 1, no process left', async (t) => {
  const port = await freePort()
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve))
  t.after(() => taken.close())
  const { environment, find } = newFamily()
  const folder = makeFolder(t, { 'serving.js': serving(1) })
  const failed = startSupervised(t, folder, 2, { port, environment })
  await assert.rejects(failed, (error: Error) => {
    assert.match(error.message, /serve ended with 1\n/)
    assert.match(error.message, /TURNOUT_LISTEN_FAILED/)
    assert.match(error.message, /EADDRINUSE/)
    return true
  })
  assert.deepEqual(find(), [])
})

test('told to stop under load: what was begun ends well, exit code 0, no process left', async (t) => {
  const folder = makeFolder(t, { 'serving.js': serving(1) })
  const log = join(makeFolder(t), 'log')
  const instance = await startSupervised(t, folder, 2, { log })
  const load = startedLoad(t, instance.port)
  await answering(instance, 2)
  await delay(500)
  const code = await instance.stop()
  const report = await load.stop()
  t.diagnostic(told(report))
  assert.equal(code, 0)
  const { truncated, unanswered, wrongStatus, wrongBody } = report
  assert.deepEqual(
    { truncated, unanswered, wrongStatus, wrongBody },
    { truncated: 0, unanswered: 0, wrongStatus: 0, wrongBody: 0 },
    told(report),
  )
  // The kernel resets what nobody had accepted when the last socket closed: no worker saw it.
  assert.deepEqual(
    Object.keys(report.lostOf).filter((pid) => pid !== 'new'),
    [],
    told(report),
  )
  const begun = [...(await loggedIn(log))].filter(([key]) => !key.startsWith('/pid'))
  assert.equal(
    begun.reduce((sum, [, count]) => sum + count, 0),
    report.completed,
    'what a worker answered came to its client whole',
  )
  assert.ok(report.completed > 100)
  assert.deepEqual(instance.family(), [])
})

test('told to stop twice ends at once, and takes the workers along', async (t) => {
  const hang =
    "routes.get('/hang', (c) => c.stream((async function* () { yield 'x'; await new Promise(() => {}) })()))"
  const folder = makeFolder(t, { 'serving.js': serving(1, hang) })
  const instance = await startSupervised(t, folder, 2)
  const pids = (await instance.workers()).map(({ pid }) => pid)
  const held = askHeld(instance.port, '/hang')
  await held.begun
  process.kill(instance.pid, 'SIGTERM')
  await delay(700)
  assert.ok(pids.some(isAlive), 'it waits for what is in flight')
  process.kill(instance.pid, 'SIGTERM')
  assert.equal(await instance.ended, 1)
  await until('a worker lives on', () => instance.family().length === 0)
  await assert.rejects(held.text)
})

test('workers are replaced one after the other under load, and nothing is lost', async (t) => {
  const folder = makeFolder(t, { 'serving.js': serving(1) })
  const instance = await startSupervised(t, folder, 2)
  const before = (await instance.workers()).map(({ pid }) => pid)
  const load = startedLoad(t, instance.port)
  await answering(instance, 2)
  for (let round = 0; round < 3; round += 1) {
    const { status, text } = await instance.send('POST', '/api/workers/restart')
    assert.equal(status, 200, text)
  }
  const after = await instance.whole(2, before)
  assert.ok(after.every(({ pid, restarts }) => !before.includes(pid) && restarts === 3))
  const report = await load.stop()
  t.diagnostic(told(report))
  assert.equal(report.sent, report.completed, told(report))
  assert.deepEqual(
    instance.events.filter(({ event }) => event === 'retired'),
    [],
    'what is served on was not retired',
  )
})
