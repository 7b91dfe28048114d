import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { startLoad } from '../../load/load.ts'
import { lossOf, type LoadReport } from '../../load/report.ts'
import { ask, isApplied, makeFolder, save, startServe } from './served.ts'

export const leastRate = 2_000

/** What the served process itself wrote down about its versions. */
interface Book {
  /** Versions disposed of, in their order. */
  readonly disposed: readonly string[]
  /** Disposed of with exchanges inside: `version (count)`. */
  readonly early: readonly string[]
  /** Entered after their version had been disposed of. */
  readonly late: readonly string[]
}

const tagOf = (version: number): string => `v${String(version).padStart(6, '0')}`

/** A version that counts who is inside, up to the last part of a stream, and writes down its dispose. */
const moduleText = (version: number): string => `
const tag = '${tagOf(version)}'
const body = (tag + ' ').repeat(600)
const book = (globalThis.book ??= { disposed: [], early: [], late: [] })
let inside = 0
let isDisposed = false
const enter = () => {
  inside += 1
  if (isDisposed) book.late.push(tag)
}
const sleep = (ms) => new Promise((resume) => setTimeout(resume, ms))
async function* parts() {
  try {
    for (let at = 0; at < body.length; at += 1050) {
      yield body.slice(at, at + 1050)
      await sleep(1)
    }
  } finally {
    inside -= 1
  }
}
export default {
  name: 'serving',
  version: '${version}.0.0',
  register(routes, { onDispose }) {
    onDispose(() => {
      isDisposed = true
      book.disposed.push(tag)
      if (inside > 0) book.early.push(tag + ' (' + inside + ')')
    })
    routes.get('/whole', (c) => c.setHeader('x-version', tag).text(body))
    routes.get('/later', async (c) => {
      enter()
      await sleep(2)
      inside -= 1
      return c.setHeader('x-version', tag).text(body)
    })
    routes.get('/parts', (c) => {
      enter()
      return c.setHeader('x-version', tag).stream(parts())
    })
    routes.get('/slow', async (c) => {
      enter()
      await sleep(800)
      inside -= 1
      return c.setHeader('x-version', tag).text(body)
    })
  },
}
`

const bookText = `
export default {
  register(routes) {
    routes.get('/book', (c) => c.json(globalThis.book ?? null))
  },
}
`

/**
 * Replaces the serving module by writing its file, again and again under load, and checks all that must hold
 * whatever the rate was. The rate itself is the caller's to judge.
 */
export async function replaceUnderLoad(t: TestContext, replacements: number): Promise<LoadReport> {
  const folder = makeFolder(t, { 'serving.js': moduleText(0), 'book.js': bookText })
  const served = await startServe(t, folder)
  const { port } = served
  const load = startLoad({
    port,
    durationMs: 20 * 60_000,
    groups: [
      {
        name: 'kept',
        loops: 64,
        isKeptAlive: true,
        paths: ['/whole', '/whole', '/whole', '/later', '/whole', '/whole', '/parts', '/whole'],
        expects: 'version',
      },
      { name: 'once', loops: 8, isKeptAlive: false, paths: ['/whole'], expects: 'version' },
      { name: 'slow', loops: 4, isKeptAlive: true, paths: ['/slow'], expects: 'version' },
    ],
  })
  for (let version = 1; version <= replacements; version += 1) {
    const applied = served.next(isApplied('serving', `${version}.0.0`))
    save(folder, 'serving.js', moduleText(version))
    await applied
  }
  const report = await load.stop()

  const ofServing = served.events
    .filter(({ event }) => event === 'applied')
    .flatMap((event) =>
      (event['modules'] as { module: string; to?: string; draining: number }[]).filter(
        ({ module }) => module === 'serving',
      ),
    )
  assert.deepEqual(
    ofServing.map(({ to }) => to),
    Array.from({ length: replacements + 1 }, (_, version) => `${version}.0.0`),
    'every save became one revision, in order',
  )
  assert.deepEqual(
    served.events.filter(({ event }) => event === 'rejected'),
    [],
  )
  assert.equal(lossOf(report), 0, JSON.stringify(report, null, 1))
  assert.equal(report.sent, report.completed)
  assert.equal(report.wentBack, 0, JSON.stringify(report, null, 1))
  assert.ok((report.byGroup['kept'] ?? 0) > 0 && (report.byGroup['once'] ?? 0) > 0)
  assert.ok((report.byGroup['slow'] ?? 0) > 0)
  assert.ok(
    ofServing.filter(({ draining }) => draining > 0).length > replacements / 2,
    'the slow handler was inside at most replacements',
  )

  const book = JSON.parse((await ask(port, '/book')).text) as Book
  assert.deepEqual(book.early, [])
  assert.deepEqual(book.late, [])
  assert.deepEqual(
    book.disposed.toSorted(),
    Array.from({ length: replacements }, (_, version) => tagOf(version)),
    'every replaced version was disposed of once',
  )
  assert.equal(await served.stop(), 0)
  return report
}
