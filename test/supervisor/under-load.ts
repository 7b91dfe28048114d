import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ask, makeFolder, save } from '../hot/support/served.ts'
import { startLoad, type Load } from '../load/load.ts'
import type { LoadReport } from '../load/report.ts'
import { until } from '../worker/support.ts'
import { kill, publish, startSupervised, type Supervised } from './support.ts'

export const tagOf = (version: number): string => `v${String(version).padStart(6, '0')}`

/** Answers as the load expects it, and says which process did. */
export const serving = (version: number, more = ''): string => `
const tag = '${tagOf(version)}'
const body = (tag + ' ').repeat(600)
const pid = String(process.pid)
export default {
  name: 'serving',
  version: '${version}.0.0',
  register(routes) {
    ${more}
    routes.get('/serving', (c) => c.setHeader('x-version', tag).setHeader('x-pid', pid).text(body))
    routes.get('/later', async (c) => {
      await new Promise((resume) => setTimeout(resume, 5))
      return c.setHeader('x-version', tag).setHeader('x-pid', pid).text(body)
    })
    routes.get('/pid', (c) => c.text(pid))
  },
}
`

const loops = { kept: 16, once: 6 }
const groups = [
  {
    name: 'kept',
    loops: loops.kept,
    isKeptAlive: true,
    paths: ['/serving', '/serving', '/later', '/serving'],
    expects: 'version',
  },
  {
    name: 'once',
    loops: loops.once,
    isKeptAlive: false,
    paths: ['/serving', '/later'],
    expects: 'version',
  },
] as const

/** It ends with the test, however that ends. */
export function startedLoad(t: TestContext, port: number): Load {
  const load = startLoad({ port, durationMs: 5 * 60_000, groups })
  t.after(() => load.stop().catch(() => undefined))
  return load
}

export const told = (report: LoadReport): string => JSON.stringify(report, null, 1)

/** The workers that answer, each on a connection of its own. */
export async function answering({ port }: Supervised, count: number): Promise<ReadonlySet<number>> {
  const pids = new Set<number>()
  await until(`only ${[...pids].join()} answered`, async () => {
    const all = await Promise.all(Array.from({ length: 12 }, () => ask(port, '/pid')))
    for (const { text } of all) pids.add(Number(text))
    return pids.size >= count
  })
  return pids
}

/**
 * Kills workers in turn under load, while revisions are published: only what was on its way in them is reset, nothing hangs,
 * and each time a new one serves what is published by then.
 */
export async function killUnderLoad(t: TestContext, kills: number): Promise<void> {
  const folder = makeFolder(t, { 'serving.js': serving(0) })
  const instance = await startSupervised(t, folder, 2)
  const load = startedLoad(t, instance.port)
  const state = { isOver: false, published: 0 }
  // Revisions are published all the while, by both roads.
  const publishing = (async () => {
    for (let at = 1; !state.isOver; at += 1) {
      await publish(instance, `r${at}`)
      if (at % 10 === 0) save(folder, 'serving.js', serving(at / 10))
      state.published += 1
      await delay(20)
    }
  })()
  publishing.catch(() => undefined)
  t.after(() => void (state.isOver = true))
  const killed: number[] = []
  for (let round = 0; round < kills; round += 1) {
    const workers = await instance.whole(2, killed)
    const { pid } = workers[round % 2]!
    kill(pid)
    killed.push(pid)
  }
  const last = await instance.whole(2, killed)
  await answering(instance, 2)
  const report = await load.stop()
  state.isOver = true
  await publishing
  t.diagnostic(`${state.published} published; ${told(report)}`)
  assert.equal(
    last.reduce((sum, { restarts }) => sum + restarts, 0),
    kills,
  )
  assert.ok(state.published > kills)
  const { refused, unanswered, wrongStatus, wrongBody, reset, truncated } = report
  assert.deepEqual(
    { refused, unanswered, wrongStatus, wrongBody },
    { refused: 0, unanswered: 0, wrongStatus: 0, wrongBody: 0 },
    told(report),
  )
  assert.equal(report.wentBack, 0, told(report))
  assert.ok(report.latencies.max < 3_000, told(report))
  const others = Object.keys(report.lostOf).filter(
    (pid) => pid !== 'new' && !killed.includes(Number(pid)),
  )
  assert.deepEqual(others, [], 'who was not killed lost something')
  assert.ok(reset + truncated <= kills * (loops.kept + loops.once), told(report))
  assert.ok(report.completed > 1_000, told(report))
  assert.equal(await instance.stop(), 0)
  assert.deepEqual(instance.family(), [])
}
