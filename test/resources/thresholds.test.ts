import assert from 'node:assert/strict'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { defaultResources } from '../../src/core/protect/resources.ts'
import { watchCollections } from '../../src/worker/resources/collections.ts'
import { Pressure } from '../../src/worker/resources/pressure.ts'
import { runTurnout } from '../cli/instance-support.ts'
import {
  ask,
  makeFolder,
  startServe,
  type Served,
  type ServedEvent,
} from '../hot/support/served.ts'

const module = `export default {
  version: '1.0.0',
  register(routes) {
    routes.get('/block', (c) => {
      const until = Date.now() + 400
      while (Date.now() < until);
      return c.text('ok')
    })
    // What lives on is copied by each collection: they take longer and longer, and then the handler does not.
    let kept = []
    routes.get('/garbage', (c) => {
      const list = []
      for (let at = 0; at < 100_000; at += 1) list.push({ at })
      kept.push(list)
      if (kept.length > 20) kept.shift()
      return c.text('ok')
    })
    routes.get('/never', () => new Promise(() => undefined))
    routes.get('/stream', (c) => c.stream(async function* () {
      for (let turn = 0; ; turn += 1) {
        yield String(turn)
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    }()))
  },
}
`

async function start(t: TestContext, resources: object): Promise<Served> {
  const folder = makeFolder(t, {
    'turnout.config.json': JSON.stringify({ resources }),
    'routes/slow.js': module,
  })
  return startServe(t, join(folder, 'routes'), {
    words: ['--config', join(folder, 'turnout.config.json')],
  })
}

const crossing =
  (resource: string, level: string) =>
  (event: ServedEvent): boolean =>
    event.event === 'resource' && event['resource'] === resource && event['level'] === level

/** The status of `/readyz`, and why. */
async function readiness({ admin, data }: Served): Promise<string> {
  const { status } = await ask(Number(new URL(admin).port), '/readyz')
  const { out } = await runTurnout(data, ['status', '--json', '--data', data])
  const { reasons } = JSON.parse(out) as { readonly reasons: readonly string[] }
  return [status, ...reasons].join(' ')
}

/** A beat brings it, however late. */
async function comesToBe(served: Served, wanted: string): Promise<void> {
  let seen = await readiness(served)
  for (let tries = 0; tries < 50 && seen !== wanted; tries += 1) {
    await wait(100)
    seen = await readiness(served)
  }
  assert.equal(seen, wanted)
}

test('a loop that is late is told once, is no place for requests, and is told when it is well', async (t) => {
  const served = await start(t, { loopDelayMs: 200 })
  assert.equal(await readiness(served), '200')
  const over = served.next(crossing('loopDelay', 'over'), 0)
  const ended = new AbortController()
  const blocking = (async () => {
    while (!ended.signal.aborted) await ask(served.port, '/block')
  })()
  const { worker, threshold, value } = await over
  assert.deepEqual([worker, threshold], [1, 200])
  assert.ok(Number(value) > 200)
  await comesToBe(served, '503 the event loop is late')
  ended.abort()
  await blocking
  await served.next(crossing('loopDelay', 'under'), 0)
  await comesToBe(served, '200')
  assert.equal(served.events.filter(crossing('loopDelay', 'over')).length, 1)
})

test('open files that run out in all workers, and in the supervisor, are a reason not to be ready', async (t) => {
  const served = await start(t, { openFiles: 0.000001 })
  await served.next((event) => crossing('openFiles', 'over')(event) && event['worker'] === 1, 0)
  await served.next((event) => crossing('openFiles', 'over')(event) && event['worker'] === null, 0)
  await comesToBe(served, '503 open files run out open files of the supervisor run out')
})

test('a heap that fills is told, and the instance stays ready', async (t) => {
  const served = await start(t, { heap: 0.000001 })
  const { value, threshold } = await served.next(crossing('heap', 'over'), 0)
  assert.ok(Number(value) > Number(threshold))
  await wait(1_000)
  assert.equal(await readiness(served), '200')
})

test('an exchange without an answer is told once, with its route; a stream is not', async (t) => {
  const served = await start(t, { exchangeMs: 500 })
  const never = ask(served.port, '/never').catch(() => undefined)
  const stream = ask(served.port, '/stream').catch(() => undefined)
  const { route, method, upstream, value, worker } = await served.next(
    crossing('exchange', 'over'),
    0,
  )
  assert.deepEqual([route, method, upstream, worker], ['slow#GET /never', 'GET', null, 1])
  assert.ok(Number(value) >= 500)
  await wait(6_000)
  assert.equal(served.events.filter(crossing('exchange', 'over')).length, 1)
  process.kill(served.pid, 'SIGKILL')
  await Promise.all([never, stream])
})

test('resources: false looks at nothing', async (t) => {
  const folder = makeFolder(t, {
    'turnout.config.json': JSON.stringify({ resources: false }),
    'routes/slow.js': module,
  })
  const served = await startServe(t, join(folder, 'routes'), {
    words: ['--config', join(folder, 'turnout.config.json')],
  })
  for (let turn = 0; turn < 6; turn += 1) await ask(served.port, '/block')
  assert.equal(await readiness(served), '200')
  assert.deepEqual(
    served.events.filter(({ event }) => event === 'resource'),
    [],
  )
})

test('long pauses of the collector are told, also of a loop that is busy without end', async (t) => {
  const served = await start(t, { gcPauseMs: 4 })
  const over = served.next(crossing('gcPause', 'over'), 0)
  const ended = new AbortController()
  const busy = Array.from({ length: 4 }, async () => {
    while (!ended.signal.aborted) await ask(served.port, '/garbage')
  })
  const { worker, value } = await over
  ended.abort()
  await Promise.all(busy)
  assert.equal(worker, 1)
  assert.ok(Number(value) >= 4, `a pause of ${String(value)} ms`)
})

test('collections of a busy loop are not watched while its turns are short', async () => {
  const told: boolean[] = []
  const collections = {
    want: (_: string, isWanted: boolean) => void told.push(isWanted),
    count: 0,
    sinceLastMs: () => 0,
    takePause: () => 0,
    close: () => undefined,
  }
  const pressure = new Pressure(defaultResources, collections, () => undefined)
  const spin = (ms: number): void => {
    const until = performance.now() + ms
    while (performance.now() < until);
  }
  assert.deepEqual(told.splice(0), [true])
  await wait(100)
  pressure.tick(0)
  assert.deepEqual(told.splice(0), [true], 'an idle loop')
  const isOff = (): boolean => told.at(-1) === false
  for (let seconds = 0; seconds < 20 && !isOff(); seconds += 1) {
    for (let turns = 0; turns < 60; turns += 1) {
      spin(4)
      await nextTurn()
    }
    pressure.tick(0)
  }
  assert.ok(isOff(), 'a busy loop with short turns')
  // What measures the loop begins anew with each look, and needs a turn or two for it.
  await wait(60)
  spin(200)
  await wait(60)
  for (let turns = 0; turns < 60; turns += 1) {
    spin(4)
    await nextTurn()
  }
  pressure.tick(0)
  assert.equal(told.at(-1), true, 'one with a long turn')
  pressure.close()
})

test('collections are told while somebody wants to know, and never after the close', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  setFlagsFromString('--no-expose-gc')
  const collections = watchCollections()
  t.after(() => collections.close())
  const countAfterOne = async (): Promise<number> => {
    collect()
    await wait(20)
    return collections.count
  }
  assert.equal(await countAfterOne(), 0)
  collections.want('leaks', true)
  const wanted = await countAfterOne()
  assert.ok(wanted > 0)
  collections.want('leaks', false)
  assert.equal(await countAfterOne(), wanted)
  collections.close()
  collections.want('leaks', true)
  assert.equal(await countAfterOne(), wanted)
})
