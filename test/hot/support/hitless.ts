import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { MixedPlan, MixedReport } from '../../load/mixed.ts'
import { dataFolder, startInstance } from '../../road/support/instance.ts'
import { isApplied, makeFolder, save, type ServedEvent } from './served.ts'

const tagOf = (version: number): string => `v${String(version).padStart(6, '0')}`

/** Middleware, handler and a filter of one version, each of which says its version, or the revision it sees. */
const serving = (version: number): string => `
import { createHash } from 'node:crypto'
const tag = '${tagOf(version)}'
const body = (tag + ' ').repeat(20)
const large = Buffer.alloc(1_000_000, tag)
const hash = createHash('sha256').update(large).digest('hex')
export default {
  name: 'serving',
  version: '${version}.0.0',
  register(routes) {
    routes.filter('mark', async (c, next) => (await next()).setHeader('x-filter', tag).setHeader('x-revision', String(c.revision)))
    routes.use(async (c, next) => {
      const revision = c.revision
      const reply = await next()
      return reply.setHeader('x-middleware', tag).setHeader('x-last', String(revision))
    })
    routes.get('/serving', (c) => c.setHeader('x-revision', String(c.revision)).setHeader('x-version', tag).text(body))
    routes.get('/down', (c) => c.setHeader('x-revision', String(c.revision)).setHeader('x-version', tag).setHeader('x-hash', hash).bytes(large))
    routes.post('/up', async (c) => {
      const revision = c.revision
      const found = createHash('sha256').update(await c.body.bytes()).digest('hex')
      return c.setHeader('x-revision', String(revision)).setHeader('x-version', tag).text(found)
    })
  },
}
`

/** A route as data: its answer, one filter of the table and one of the module. */
const dataRoute = (version: number): object => ({
  id: 'data',
  methods: ['GET'],
  path: '/data',
  filters: [
    { kind: 'module', module: 'serving', name: 'mark', args: {} },
    { kind: 'set-response-header', name: 'x-data', value: tagOf(version) },
    { kind: 'set-response-header', name: 'x-version', value: tagOf(version) },
  ],
  target: { respond: { status: 200, body: `${tagOf(version)} `.repeat(20) } },
})

export interface HitlessOptions {
  readonly workers: number
  readonly requests: number
  readonly applies: number
}

/**
 * So many exchanges of every kind over so many applies: none fails, and each is of one revision through match, filters,
 * handler and log. Returns a line for people.
 */
export async function serveHitless(
  t: TestContext,
  { workers, requests, applies }: HitlessOptions,
): Promise<string> {
  const folder = makeFolder(t, { 'serving.js': serving(0) })
  const log = join(makeFolder(t), 'log')
  const words = ['--workers', String(workers), '--no-probation']
  const instance = await startInstance(t, folder, { data: dataFolder(t, folder), words, log })
  /** By revision: what a version of the module, and of the route, is called there. */
  const known = new Map<number, { readonly module: string; readonly data: string }>()
  const now = { module: 0, data: 0 }
  const put = async (): Promise<number> => {
    const body = { routes: { put: [dataRoute(now.data)] } }
    const answer = await instance.send('POST', '/api/changes?force=true', { body })
    assert.equal(answer.status, 200, answer.text)
    return Number(answer.headers['turnout-revision'])
  }
  const note = (revision: number): void =>
    void known.set(revision, { module: tagOf(now.module), data: tagOf(now.data) })
  note(await put())

  const load = startMixed(t, {
    port: instance.port,
    requests,
    step: Math.floor(requests / (applies + 1)),
  })
  for (let at = 1; at <= applies; at += 1) {
    await load.step(at)
    if (at % 2 === 0) {
      now.data += 1
      note(await put())
      continue
    }
    now.module += 1
    const applied = instance.next(isApplied('serving', `${now.module}.0.0`))
    save(folder, 'serving.js', serving(now.module))
    const { revision } = (await applied) as ServedEvent & { readonly revision: number }
    note(revision)
  }
  const report = await load.report
  assert.equal(report.failed, 0, report.faults.join('\n'))
  assert.equal(report.completed, requests)

  const answered = new Map<string, number>()
  for (const [line, count] of Object.entries(report.said)) {
    const [path, revision, version, middleware, filter, data, last] = line.split(' ')
    const wanted = known.get(Number(revision))
    assert.ok(wanted !== undefined, `a revision that was never published: ${line}`)
    if (path === '/data')
      assert.deepEqual([version, filter, data], [wanted.data, wanted.module, wanted.data], line)
    else
      assert.deepEqual([version, middleware, last], [wanted.module, wanted.module, revision], line)
    const key = `${path} ${revision}`
    answered.set(key, (answered.get(key) ?? 0) + count)
  }
  assert.equal(known.size, applies + 1)
  assert.ok(new Set([...answered.keys()].map((key) => key.split(' ')[1])).size > applies / 2)
  assert.equal(await instance.stop(), 0)
  assert.deepEqual(await loggedIn(log), answered, 'the log says another revision than the answers')
  const seconds = Math.round(report.durationMs / 100) / 10
  return `${requests} exchanges over ${applies} applies on ${workers} workers in ${seconds} s: 0 failed, each of one revision, and the log says the same`
}

/** Lines of the access log by path and revision. */
export async function loggedIn(log: string): Promise<ReadonlyMap<string, number>> {
  const logged = new Map<string, number>()
  for await (const line of createInterface({ input: createReadStream(log) })) {
    const { message, path, revision, status } = JSON.parse(line) as Record<string, unknown>
    if (message !== 'request') continue
    assert.equal(status, 200, line)
    const key = `${String(path)} ${String(revision)}`
    logged.set(key, (logged.get(key) ?? 0) + 1)
  }
  return logged
}

function startMixed(
  t: TestContext,
  plan: MixedPlan,
): { readonly step: (at: number) => Promise<void>; readonly report: Promise<MixedReport> } {
  const script = fileURLToPath(new URL('../../load/mixed.js', import.meta.url))
  const child = spawn(process.execPath, [script, JSON.stringify(plan)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => void child.kill('SIGKILL'))
  let done = 0
  let ended = false
  const listeners = new Set<() => void>()
  const tell = (): void => {
    for (const listener of listeners) listener()
  }
  const report = new Promise<MixedReport>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const told = JSON.parse(line) as { readonly done?: number; readonly report?: MixedReport }
      if (told.done !== undefined) done = told.done
      if (told.report !== undefined) resolve(told.report)
      tell()
    })
    child.once('close', (code) => {
      ended = true
      tell()
      reject(new Error(`the load ended with ${code}`))
    })
  })
  report.catch(() => undefined)
  return {
    report,
    step: (at) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!ended && done < at * plan.step) return
          listeners.delete(look)
          resolve()
        }
        listeners.add(look)
        look()
      }),
  }
}
