import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { plainRoute, type Route } from '../../src/core/route/route.ts'
import { emptyTable } from '../../src/core/route/table.ts'
import type { WorkerResult } from '../../src/worker/worker.ts'
import { usual } from '../gateway/verify/support.ts'
import {
  answering,
  askHeld,
  counts,
  isAlive,
  openBench,
  tableWith,
  until,
  type Bench,
} from './support.ts'

// One suite for the worker port, whoever stands behind it.

const codesOf = (result: WorkerResult): readonly string[] =>
  result.ok
    ? []
    : [...result.problems].flatMap(([name, found]) => found.map(({ code }) => `${name} ${code}`))

const one = { name: 'users', version: '1.0.0', paths: ['/users'] }
const two = { ...one, version: '2.0.0' }

/** Counts in its state; `migrate` throws where `when` says so. */
const counting = (version: string, when: string | null): string => `
export default {
  name: 'users',
  version: '${version}',
  state: {
    create: () => ({ count: 0 }),
    ${when === null ? '' : `migrate: (old) => { if (${when}) throw new Error('not today'); return { count: old.count } },`}
  },
  register(routes, { state }) {
    const pid = String(process.pid)
    routes.get('/users', (c) => c.setHeader('x-pid', pid).text('${version}'))
    routes.get('/bump', (c) => c.setHeader('x-pid', pid).text(String((state.count += 1))))
  },
}
`

/** Sends its first part, and ends when a file is there. */
const holding = (version: string, gate: string): string => `
import { existsSync } from 'node:fs'
async function* parts() {
  yield '${version} '
  while (!existsSync(${JSON.stringify(gate)})) await new Promise((resume) => setTimeout(resume, 5))
  yield 'whole'
}
export default {
  name: 'users',
  version: '${version}',
  register(routes) {
    routes.get('/users', (c) => c.setHeader('x-pid', String(process.pid)).text('${version}'))
    routes.get('/held', (c) => c.stream(parts()))
  },
}
`

const behaviours: Readonly<
  Record<string, (bench: Bench, count: number, t: TestContext) => Promise<void>>
> = {
  'what was prepared and applied is served by every worker from then on': async (bench) => {
    const { build, serve, askAll, worker } = bench
    assert.equal(worker.revision, 0)
    assert.deepEqual(await askAll('/users'), new Set(['404']))
    await serve(tableWith([await build(answering('users', '1.0.0'), one)]))
    assert.equal(worker.revision, 1)
    assert.deepEqual(await askAll('/users'), new Set(['1.0.0']))
    for (let version = 2; version <= 6; version += 1) {
      const text = `${version}.0.0`
      await serve(tableWith([await build(answering('users', text), { ...one, version: text })]))
      assert.equal(worker.revision, version)
      assert.deepEqual(await askAll('/users'), new Set([text]))
    }
    await serve(emptyTable)
    assert.deepEqual(await askAll('/users'), new Set(['404']))
  },

  'what was prepared and discarded leaves no trace': async (bench) => {
    const { build, prepare, serve, askAll, worker, folder } = bench
    await serve(tableWith([await build(answering('users', '1.0.0'), one)]))
    const closed = join(folder, 'disposed')
    const module = await build(
      `import { appendFileSync } from 'node:fs'
      export default { name: 'users', version: '2.0.0', register(routes, { onDispose }) {
        onDispose(() => appendFileSync(${JSON.stringify(closed)}, '.'))
        routes.get('/users', (c) => c.text('2.0.0')) } }`,
      two,
    )
    assert.deepEqual(await prepare(tableWith([module])), { ok: true })
    await worker.discard()
    const { length } = readFileSync(closed, 'utf8')
    assert.equal(length, Math.max(1, bench.serving.workers().length), 'disposed of once each')
    assert.deepEqual(await askAll('/users'), new Set(['1.0.0']))
    assert.deepEqual(bench.retired, [])
    assert.deepEqual(worker.draining(), [])
  },

  'a second prepare of a name replaces the first': async (bench) => {
    const { build, prepare, apply, askAll } = bench
    const first = tableWith([await build(answering('users', '1.0.0'), one)])
    const second = tableWith([await build(answering('users', '2.0.0'), two)])
    assert.deepEqual(await prepare(first), { ok: true })
    assert.deepEqual(await prepare(second), { ok: true })
    assert.deepEqual(await apply(second), { ok: true })
    assert.deepEqual(await askAll('/users'), new Set(['2.0.0']))
  },

  'a list that differs from the one that was learned is refused': async (bench) => {
    const { build, serve, prepare, worker, askAll } = bench
    await serve(tableWith([await build(answering('users', '1.0.0'), one)]))
    const more = await build(
      answering('users', '2.0.0', "routes.get('/more', (c) => c.text(''))"),
      two,
    )
    assert.deepEqual(codesOf(await prepare(tableWith([more]))), [
      'users TURNOUT_MODULE_LIST_DIFFERS',
    ])
    const less = await build(answering('users', '3.0.0'), { ...two, paths: ['/users', '/gone'] })
    assert.deepEqual(codesOf(await prepare(tableWith([less]))), [
      'users TURNOUT_MODULE_LIST_DIFFERS',
    ])
    await worker.discard()
    assert.deepEqual(await askAll('/users'), new Set(['1.0.0']))
  },

  'code that is nowhere is refused by name': async (bench) => {
    const { build, prepare } = bench
    const { reference, routes } = await build(answering('users', '1.0.0'), one)
    const gone = { reference: { ...reference, digest: 'f'.repeat(64) }, routes }
    assert.deepEqual(codesOf(await prepare(tableWith([gone]))), ['users TURNOUT_ARTIFACT_MISSING'])
  },

  'of several modules, only the one that fails has problems': async (bench) => {
    const { build, prepare, serve, askAll, worker } = bench
    const good = await build(answering('users', '1.0.0'), one)
    const bad = await build(
      `export default { name: 'bad', version: '1.0.0', register() { throw new Error('no') } }`,
      { name: 'bad', version: '1.0.0', paths: [] },
    )
    const result = await prepare(tableWith([good, bad]))
    assert.ok(!result.ok)
    assert.deepEqual([...result.problems.keys()], ['bad'])
    await worker.discard()
    await serve(tableWith([good]))
    assert.deepEqual(await askAll('/users'), new Set(['1.0.0']))
  },

  'state goes on with the next version, each worker its own': async (bench) => {
    const { build, serve, askAll } = bench
    const listed = { ...one, paths: ['/users', '/bump'] }
    await serve(tableWith([await build(counting('1.0.0', null), listed)]))
    const before = Math.max(...[...(await askAll('/bump'))].map(Number))
    await serve(tableWith([await build(counting('2.0.0', 'false'), { ...listed, version: '2' })]))
    const after = [...(await askAll('/bump'))].map(Number)
    assert.ok(Math.max(...after) > before, `${before}, then ${after.join()}`)
    assert.ok(!after.includes(1), `a state began anew: ${after.join()}`)
  },

  'a migrate that throws is refused when it is prepared': async (bench) => {
    const { build, serve, prepare, worker, askAll } = bench
    const listed = { ...one, paths: ['/users', '/bump'] }
    await serve(tableWith([await build(counting('1.0.0', null), listed)]))
    const next = await build(counting('2.0.0', 'true'), { ...listed, version: '2.0.0' })
    const result = await prepare(tableWith([next]))
    assert.deepEqual(codesOf(result), ['users TURNOUT_MODULE_LOAD_FAILED'])
    await worker.discard()
    assert.deepEqual(await askAll('/users'), new Set(['1.0.0']))
  },

  'a migrate that throws in one worker at the apply takes the change back in all': async (
    bench,
  ) => {
    const { build, serve, prepare, apply, askAll, port } = bench
    const listed = { ...one, paths: ['/users', '/bump'] }
    const before = tableWith([await build(counting('1.0.0', null), listed)])
    await serve(before)
    const next = tableWith([
      await build(counting('2.0.0', 'old.count > 0'), { ...listed, version: '2.0.0' }),
    ])
    assert.deepEqual(await prepare(next), { ok: true })
    // One request: of several workers, one has a state that no longer migrates.
    assert.equal(await askHeld(port, '/bump').text, '1')
    assert.deepEqual(codesOf(await apply(next)), ['users TURNOUT_MODULE_LOAD_FAILED'])
    assert.deepEqual(await askAll('/users'), new Set(['1.0.0']))
    assert.equal(bench.table, before)
    const bumped = [...(await askAll('/bump'))].map(Number)
    assert.ok(!bumped.every((count) => count === 1), 'what was written is there')
  },

  'a replaced version drains, and its retirement is told once, after its last exchange': async (
    bench,
  ) => {
    const { build, serve, port, worker, retired, folder, askAll } = bench
    const gate = join(folder, 'gate')
    const listed = { ...one, paths: ['/users', '/held'] }
    await serve(tableWith([await build(holding('1.0.0', gate), listed)]))
    const held = Array.from({ length: 12 }, () => askHeld(port, '/held'))
    for (const { begun } of held) assert.equal(await begun, '1.0.0 ')
    await serve(tableWith([await build(holding('2.0.0', gate), { ...listed, version: '2.0.0' })]))
    assert.deepEqual(await askAll('/users'), new Set(['2.0.0']))
    const draining = worker.draining()
    assert.deepEqual(
      draining.map(({ module, version, exchanges }) => ({ module, version, exchanges })),
      [{ module: 'users', version: '1.0.0', exchanges: 12 }],
    )
    assert.ok(draining[0]!.routes.includes('GET /held'), String(draining[0]!.routes))
    assert.deepEqual(retired, [])
    writeFileSync(gate, '')
    for (const { text } of held) assert.equal(await text, '1.0.0 whole')
    await until('it was never told', () => retired.length > 0)
    await until('it drains for ever', () => worker.draining().length === 0)
    await serve(emptyTable)
    await until('the second was never told', () => retired.length > 1)
    assert.deepEqual(
      retired.map(({ module, version }) => `${module} ${version}`),
      ['users 1.0.0', 'users 2.0.0'],
    )
    assert.ok(retired.every(({ waitedMs }) => waitedMs >= 0))
  },

  'live is what serves, not what a table only names': async (bench) => {
    const { build, serve, prepare, apply, worker, askAll } = bench
    const first = await build(answering('users', '1.0.0'), one)
    const good = await build(answering('good', '1.0.0'), {
      name: 'good',
      version: '1.0.0',
      paths: ['/good'],
    })
    await serve(tableWith([first]))
    assert.equal(worker.isLive(first.reference), true)
    const gone = {
      reference: { ...first.reference, name: 'gone', digest: 'f'.repeat(64) },
      routes: [{ id: 'gone#GET /gone', method: 'GET', path: '/gone' }],
    }
    // As at a start: what cannot be made ready is refused nothing, and answers 503.
    const table = tableWith([first, gone, good])
    assert.deepEqual(codesOf(await prepare(table)), ['gone TURNOUT_ARTIFACT_MISSING'])
    assert.deepEqual(await apply(table), { ok: true })
    assert.deepEqual(
      [first, gone, good].map(({ reference }) => worker.isLive(reference)),
      [true, false, true],
    )
    assert.deepEqual(await askAll('/gone'), new Set(['503']))
    assert.deepEqual(await askAll('/good'), new Set(['1.0.0']))
  },

  'an upstream is described as one, whoever uses it': async (bench, _, t) => {
    const { serve, worker, port } = bench
    const waiting: (() => void)[] = []
    const backEnd = createServer((request, response) => {
      if (request.url === '/now') response.end('now')
      else waiting.push(() => response.end('later'))
    })
    await new Promise<void>((resolve) => backEnd.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      backEnd.closeAllConnections()
      backEnd.close()
    })
    const url = `http://127.0.0.1:${(backEnd.address() as AddressInfo).port}`
    const upstream = {
      name: 'back',
      owner: 'test',
      endpoints: [{ url, weight: 1 }],
      metadata: null,
      revision: 0,
    }
    const to = { kind: 'upstream', upstream: 'back' } as const
    const routes = ['/now', '/later'].map((path) => plainRoute('test', path, 'GET', path, to))
    await serve(tableWith([], routes, [upstream]))
    assert.deepEqual(await worker.upstreamNames(), ['back'])
    const held = Array.from({ length: 24 }, () => askHeld(port, '/later'))
    await until('not all came', () => waiting.length === 24)
    const status = (await worker.upstreamStatus('back'))!
    assert.equal(status.active, 24)
    assert.equal(status.endpoints.length, 1)
    assert.equal(status.endpoints[0]!.active, 24)
    assert.equal(status.endpoints[0]!.state, 'healthy')
    for (const end of waiting) end()
    for (const { text } of held) assert.equal(await text, 'later')
    await until('they never left', async () => (await worker.upstreamStatus('back'))!.active === 0)
    assert.equal(await worker.upstreamStatus('other'), null)
    assert.equal(await worker.forceBreaker('other', 'FORCED_OPEN'), false)
    await serve(emptyTable)
    assert.deepEqual(await worker.upstreamNames(), [])
  },

  'figures of all workers add up': async (bench) => {
    const { build, serve, worker, port, askAll } = bench
    const module = await build(answering('users', '1.0.0'), one)
    await serve(tableWith([module]))
    await askAll('/users')
    const of = { kind: 'module', module: 'users', digest: module.reference.digest } as const
    const spanMs = 60_000
    const requests = async (): Promise<number> =>
      (await worker.figures([{ of, spanMs }]))[0]!.requests
    let before = -1
    await until('they never rest', async () => {
      const last = before
      before = await requests()
      return last === before
    })
    assert.ok(before > 0)
    await Promise.all(Array.from({ length: 100 }, () => askHeld(port, '/users').text))
    await until('not all were counted', async () => (await requests()) >= before + 100)
    assert.equal(await requests(), before + 100)
    const other = { ...of, digest: 'other' }
    const found = await worker.figures([other, of, other].map((one) => ({ of: one, spanMs })))
    assert.deepEqual(
      found.map((figures) => figures.requests),
      [0, before + 100, 0],
    )
    assert.deepEqual(await worker.figures([]), [])
    const [earlier] = await worker.figures([{ of, spanMs, agoMs: spanMs }])
    assert.equal(earlier!.requests, 0)
  },

  'comparisons of all workers add up, and are forgotten when they end': async (bench) => {
    const { serve, worker, port } = bench
    const respond = (id: string, path: string, body: string): Route =>
      plainRoute('test', id, 'GET', path, { kind: 'respond', status: 200, headers: {}, body })
    await serve(tableWith([], [respond('a', '/x', 'one'), respond('b', '/:any', 'two')]))
    // Copies beyond some at once are left out.
    const ask = async (rounds: number): Promise<void> => {
      for (let left = rounds; left > 0; left -= 1)
        await Promise.all(Array.from({ length: 4 }, () => askHeld(port, '/x').text))
    }
    const settings = { ...usual, percent: 100 }
    worker.verify('test', { pairs: [{ stable: 'a', canary: 'b' }], settings })
    await until('it is never known', async () => (await worker.verifyCounts('test')) !== null)
    const compared = async (): Promise<number> => {
      const counts = await worker.verifyCounts('test')
      return counts === null ? -1 : counts.compared + counts.failed
    }
    await ask(15)
    await until('not all were compared', async () => (await compared()) >= 60)
    assert.equal(await compared(), 60)
    const { places } = (await worker.verifyCounts('test'))!
    assert.equal(
      places.reduce((sum, { onlyCanary }) => sum + onlyCanary, 0),
      60,
    )
    assert.equal(await worker.verifyCounts('other'), null)
    worker.verify('test', null)
    await until('it is never forgotten', async () => (await worker.verifyCounts('test')) === null)
  },

  'close lets nothing live, and tells each retirement once': async (bench, count) => {
    const { build, serve, serving, port, retired, close, askAll } = bench
    await serve(tableWith([await build(answering('users', '1.0.0'), one)]))
    await askAll('/users')
    const pids = serving.workers().map(({ pid }) => pid)
    assert.equal(pids.length, count)
    assert.ok(pids.every(isAlive))
    await close()
    assert.deepEqual(pids.filter(isAlive), [])
    assert.deepEqual(serving.workers(), [])
    assert.deepEqual(
      retired.map(({ module, version }) => `${module} ${version}`),
      ['users 1.0.0'],
    )
    const error = await new Promise((resolve) => {
      connect(port, '127.0.0.1')
        .on('error', resolve)
        .on('connect', () => resolve(null))
    })
    assert.equal((error as NodeJS.ErrnoException | null)?.code, 'ECONNREFUSED')
  },

  'close cuts what does not end by its deadline': async (bench) => {
    const { build, serve, port, close, folder, serving } = bench
    const gate = join(folder, 'never')
    const listed = { ...one, paths: ['/users', '/held'] }
    await serve(tableWith([await build(holding('1.0.0', gate), listed)]))
    const held = Array.from({ length: 4 }, () => askHeld(port, '/held'))
    for (const { begun } of held) await begun
    const pids = serving.workers().map(({ pid }) => pid)
    await close(500)
    assert.deepEqual(pids.filter(isAlive), [])
    for (const { text } of held) await assert.rejects(text)
    // In this process their code looks for the file for ever, and would keep the process.
    writeFileSync(gate, '')
    await new Promise((resolve) => setTimeout(resolve, 100))
  },
}

for (const count of counts) {
  const name = count === 0 ? 'in this process' : `in ${count} process${count === 1 ? '' : 'es'}`
  for (const [behaviour, check] of Object.entries(behaviours)) {
    test(`${name}: ${behaviour}`, async (t) => check(await openBench(t, count), count, t))
  }

  test(`${name}: what was opened is given back`, async (t) => {
    const files = (): number => readdirSync('/proc/self/fd').length
    const round = async (): Promise<void> => {
      const bench = await openBench(t, count)
      await bench.serve(tableWith([await bench.build(answering('users', '1.0.0'), one)]))
      await bench.askAll('/users')
      await bench.close()
    }
    // What is opened once for the whole process, such as the bundler.
    await round()
    const before = files()
    for (let left = 3; left > 0; left -= 1) await round()
    await until(`${before} files were open, now ${files()}`, () => files() <= before)
  })
}
