import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TurnoutError } from '../../src/core/errors.ts'
import { getKey } from '../../src/core/persistent-map.ts'
import { plainRoute, type Route } from '../../src/core/route/route.ts'
import { editOf, type ChangeItem, type Outcome, type Rejection } from '../../src/control/change.ts'
import type { Publisher } from '../../src/control/publisher.ts'
import type { RouteModule } from '../../src/modules/define.ts'
import { loadObject } from '../../src/modules/object-module.ts'
import type { Store } from '../../src/store/store.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import type { InProcessWorker } from '../../src/worker/in-process.ts'
import { openRoad } from './support/open.ts'

const open = (
  keep = 100,
  store: Store = createMemoryStore(),
): { publisher: Publisher; worker: InProcessWorker; log: string[] } => {
  const { publisher, worker, told } = openRoad({ keep, store })
  return { publisher, worker, log: told }
}

const moduleOf = (
  version: string,
  paths: readonly string[],
  rest: Partial<RouteModule<unknown>> = {},
): RouteModule<never> => ({
  version,
  register: (routes) => {
    for (const path of paths) routes.get(path, (c) => c.text(version))
  },
  ...(rest as Partial<RouteModule<never>>),
})

const item = (name: string, module: RouteModule<never>): ChangeItem => {
  const { owner, label, load } = loadObject(module, name, { prefix: '', middleware: [] }, 'test')
  return { kind: 'module', owner, label, load }
}

const closure = (path: string): Route =>
  plainRoute('app', `GET ${path}`, 'GET', path, { kind: 'closure', run: () => undefined })

const change = (
  publisher: Publisher,
  items: readonly ChangeItem[],
  isPartial = false,
): Promise<Outcome> => publisher.change({ author: 'test', reason: 'test', isPartial, items })

const codes = (rejections: readonly Rejection[]): string[] =>
  rejections.flatMap(({ owner, problems }) => problems.map(({ code }) => `${owner} ${code}`))

const serving = (worker: InProcessWorker): string[] =>
  [...worker.live.current.versions.values()].map(({ name, version }) => `${name} ${version}`).sort()

test('a change set is one revision, and what is served is what was published', async () => {
  const { publisher, worker, log } = open()
  const { revision } = await change(publisher, [
    item('a', moduleOf('1.0.0', ['/a'])),
    item('b', moduleOf('2.0.0', ['/b', '/c'])),
  ])
  assert.equal(revision?.number, 1)
  assert.equal(worker.live.current.revision, 1)
  assert.equal(worker.live.current.table, publisher.table)
  assert.deepEqual(serving(worker), ['a 1.0.0', 'b 2.0.0'])
  assert.deepEqual(log, ['applied 1'])
})

test('all or nothing: one bad part rejects the whole set, and nothing is published', async () => {
  const { publisher, worker } = open()
  await change(publisher, [item('a', moduleOf('1.0.0', ['/a']))])
  const before = publisher.table
  const { revision, rejections } = await change(publisher, [
    item('b', moduleOf('1.0.0', ['/b'])),
    item('c', moduleOf('1.0.0', ['/a'])),
  ])
  assert.equal(revision, null)
  assert.deepEqual(codes(rejections), ['test:c TURNOUT_ROUTE_CONFLICT'])
  assert.equal(publisher.table, before)
  assert.deepEqual(serving(worker), ['a 1.0.0'])
})

test('partial: owners that fail are left out and reported, the rest go live as one revision', async () => {
  const { publisher, worker } = open()
  const broken: RouteModule<never> = {
    register: () => {
      throw new Error('broken')
    },
  }
  const { revision, rejections } = await change(
    publisher,
    [
      item('a', moduleOf('1.0.0', ['/a'])),
      item('b', broken),
      item('c', moduleOf('1.0.0', ['/a'])),
      item('d', moduleOf('1.0.0', ['/d'])),
    ],
    true,
  )
  assert.equal(revision?.number, 1)
  assert.deepEqual(codes(rejections).sort(), [
    'test:b TURNOUT_MODULE_LOAD_FAILED',
    'test:c TURNOUT_ROUTE_CONFLICT',
  ])
  assert.deepEqual(serving(worker), ['a 1.0.0', 'd 1.0.0'])
})

test('a route moves between owners in one change, also in a circle', async () => {
  const { publisher, worker } = open()
  await change(publisher, [
    item('a', moduleOf('1.0.0', ['/1'])),
    item('b', moduleOf('1.0.0', ['/2'])),
  ])
  const { rejections } = await change(
    publisher,
    [item('a', moduleOf('2.0.0', ['/2'])), item('b', moduleOf('2.0.0', ['/1']))],
    true,
  )
  assert.deepEqual(rejections, [])
  assert.deepEqual(serving(worker), ['a 2.0.0', 'b 2.0.0'])
})

test('an owner that is refused keeps its routes, so who counted on them is refused too', async () => {
  const { publisher, worker } = open()
  await change(publisher, [
    item('a', moduleOf('1.0.0', ['/1'])),
    item('b', moduleOf('1.0.0', ['/2'])),
    item('c', moduleOf('1.0.0', ['/3'])),
  ])
  // a wants what c keeps; b wants what a would have left.
  const { revision, rejections } = await change(
    publisher,
    [item('a', moduleOf('2.0.0', ['/3'])), item('b', moduleOf('2.0.0', ['/1']))],
    true,
  )
  assert.equal(revision, null)
  assert.deepEqual(codes(rejections).sort(), [
    'test:a TURNOUT_ROUTE_CONFLICT',
    'test:b TURNOUT_ROUTE_CONFLICT',
  ])
  assert.deepEqual(
    rejections.map((one) => one.serving),
    ['1.0.0', '1.0.0'],
  )
  assert.deepEqual(serving(worker), ['a 1.0.0', 'b 1.0.0', 'c 1.0.0'])
})

test('a change to routes of the program waits for no module that is loading, and both stand', async () => {
  const { publisher } = open()
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const slow = item('slow', moduleOf('1.0.0', ['/slow']))
  assert.equal(slow.kind, 'module')
  const load = async (): ReturnType<typeof slow.load> => {
    await held
    return slow.load()
  }
  const pending = change(publisher, [{ ...slow, load }])
  const now = publisher.changeNow({
    author: 'test',
    reason: 'now',
    isPartial: false,
    items: [editOf('app', [closure('/now')], [])],
  })
  assert.equal(now.revision?.number, 1)
  release()
  const { revision } = await pending
  assert.equal(revision?.number, 2)
  assert.equal(publisher.table.routes.size, 2)
})

test('a place taken while a module was loading rejects it: what was checked is checked on the newest table', async () => {
  const { publisher } = open()
  const slow = item('slow', moduleOf('1.0.0', ['/taken']))
  assert.equal(slow.kind, 'module')
  const load = async (): ReturnType<typeof slow.load> => {
    const loaded = await slow.load()
    publisher.changeNow({
      author: 'test',
      reason: 'now',
      isPartial: false,
      items: [editOf('app', [closure('/taken')], [])],
    })
    return loaded
  }
  const { revision, rejections } = await change(publisher, [{ ...slow, load }])
  assert.equal(revision, null)
  assert.deepEqual(codes(rejections), ['test:slow TURNOUT_ROUTE_CONFLICT'])
})

test('rollback publishes an earlier table as the next revision, with the code of then', async () => {
  const { publisher, worker, log } = open()
  await change(publisher, [item('a', moduleOf('1.0.0', ['/a', '/old']))])
  await change(publisher, [item('a', moduleOf('2.0.0', ['/a', '/new']))])
  await change(publisher, [item('b', moduleOf('1.0.0', ['/b']))])
  const { revision } = await publisher.rollBack(1, { author: 'operator', reason: 'worse' })
  assert.equal(revision?.number, 4)
  assert.equal(revision.author, 'operator')
  assert.equal(revision.digest, (await publisher.entryOf(1)).revision.digest)
  assert.deepEqual(serving(worker), ['a 1.0.0'])
  assert.deepEqual(revision.changes, [
    {
      owner: 'test:a',
      module: 'a',
      from: '2.0.0',
      to: '1.0.0',
      added: ['a#GET /old'],
      removed: ['a#GET /new'],
      changed: [],
      upstreams: [],
      upstreamsAdded: [],
      upstreamsRemoved: [],
    },
    {
      owner: 'test:b',
      module: 'b',
      from: '1.0.0',
      to: null,
      added: [],
      removed: ['b#GET /b'],
      changed: [],
      upstreams: [],
      upstreamsAdded: [],
      upstreamsRemoved: [],
    },
  ])
  await new Promise((resolve) => setImmediate(resolve))
  assert.ok(log.includes('retired a 2.0.0') && log.includes('retired b 1.0.0'))
})

test('numbers never go back, and what fell off the history cannot be gone back to', async () => {
  const { publisher } = open(3)
  for (const path of ['/1', '/2', '/3', '/4']) {
    publisher.changeNow({
      author: 'test',
      reason: path,
      isPartial: false,
      items: [editOf('app', [closure(path)], [])],
    })
  }
  assert.deepEqual(
    publisher.revisions().map(({ number }) => number),
    [2, 3, 4],
  )
  await assert.rejects(publisher.rollBack(1, { author: 'operator', reason: '' }), {
    code: 'TURNOUT_REVISION_UNKNOWN',
  })
})

test('code that no kept revision names is forgotten', async () => {
  const { publisher, worker } = open(2)
  const forgotten: string[] = []
  const forget = worker.forget.bind(worker)
  worker.forget = (key) => {
    forgotten.push(key)
    forget(key)
  }
  for (let round = 0; round < 120; round += 1) {
    await change(publisher, [item('a', moduleOf(`1.0.${round}`, ['/a']))])
  }
  // Forgotten in batches; everything older than the last batch is gone.
  assert.ok(forgotten.length >= 90, String(forgotten.length))
  assert.ok(forgotten.every((key) => key.startsWith('a@object:')))
})

test('a migrate that throws only in the turn of the swap is taken back by the next revision', async () => {
  const { publisher, worker } = open()
  const rules = { create: () => ({ seen: 1 }) }
  await change(publisher, [item('a', moduleOf('1.0.0', ['/a'], { state: rules }))])
  let calls = 0
  const migrate = (): { seen: number } => {
    calls += 1
    if (calls === 2) throw new Error('not now')
    return { seen: 2 }
  }
  const next = moduleOf('2.0.0', ['/a', '/b'], { state: { ...rules, migrate } })
  const { revision, rejections } = await change(publisher, [item('a', next)])
  assert.equal(revision, null)
  assert.equal(calls, 2)
  assert.deepEqual(codes(rejections), ['test:a TURNOUT_MODULE_LOAD_FAILED'])
  assert.deepEqual(serving(worker), ['a 1.0.0'])
  const [, , failed, back] = publisher.revisions()
  assert.equal(failed?.number, 2)
  assert.match(back?.reason ?? '', /taken back: revision 2/)
  assert.equal(worker.live.current.revision, 3)
  assert.equal(publisher.table, (await publisher.entryOf(1)).table)
})

test('a change that could neither be applied nor taken back yet is taken back before the next one', async () => {
  const memory = createMemoryStore()
  const failing = new Set<number>()
  const store: Store = {
    ...memory,
    publish: (proposal, state) =>
      failing.delete(proposal.number ?? 0)
        ? Promise.reject(new TurnoutError('TURNOUT_STORE_FAILED', { reason: 'the disk is full' }))
        : memory.publish(proposal, state),
  }
  const { publisher, worker } = open(100, store)
  const rules = { create: () => ({ seen: 1 }) }
  await change(publisher, [item('a', moduleOf('1.0.0', ['/a'], { state: rules }))])
  let calls = 0
  const migrate = (): { seen: number } => {
    calls += 1
    if (calls === 2) throw new Error('not now')
    return { seen: 2 }
  }
  const next = moduleOf('2.0.0', ['/a', '/b'], { state: { ...rules, migrate } })
  failing.add(3)
  await assert.rejects(change(publisher, [item('a', next)]), { code: 'TURNOUT_STORE_FAILED' })
  assert.deepEqual(serving(worker), ['a 1.0.0'])
  const { revision, rejections } = await change(publisher, [item('b', moduleOf('1.0.0', ['/c']))])
  assert.deepEqual(rejections, [])
  assert.equal(revision?.number, 4)
  assert.equal(publisher.revisions().find(({ number }) => number === 3)?.takesBack, 2)
  assert.deepEqual(serving(worker), ['a 1.0.0', 'b 1.0.0'])
  assert.equal(worker.live.current.table, publisher.table)
  assert.equal(getKey(publisher.table.modules, 'a')?.version, '1.0.0')
  assert.equal(getKey(publisher.table.routes, 'a#GET /b'), undefined)
})
