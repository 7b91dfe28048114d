import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import { TurnoutError } from '../../src/core/errors.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import type { Store, StoredObject } from '../../src/store/store.ts'
import { getKey } from '../../src/core/persistent-map.ts'
import type { Filter } from '../../src/core/route/filter.ts'
import type { Route } from '../../src/core/route/route.ts'
import { routesOf } from '../../src/core/route/table.ts'
import { findPath } from '../../src/core/router/lookup.ts'
import type { ChangeItem, LoadOutcome, Revision } from '../../src/control/change.ts'
import type { Publisher } from '../../src/control/publisher.ts'
import { digestOf, emptyDigest } from '../../src/control/digest.ts'
import { change, codesOf, edit, moduleItem, openRoad, routeTo, upstreamOf } from './support/open.ts'

const served = (publisher: Publisher, path: string): string | null => {
  const found = findPath(publisher.table.router, 'GET', path)
  return found.kind === 'match' ? (found.value as { id: string }).id : null
}

const states = (publisher: Publisher): string[] =>
  publisher.history().map(({ number, state }) => `${number ?? '-'} ${state}`)

test('a change of several objects is one revision, all or nothing', async () => {
  const { publisher } = openRoad()
  const good = edit('admin', {
    putUpstreams: [upstreamOf('admin', 'users')],
    putRoutes: [
      routeTo('admin', 'a', '/a', { kind: 'upstream', upstream: 'users' }),
      routeTo('admin', 'b', '/b'),
    ],
  })
  const { revision } = await change(publisher, [good])
  assert.equal(revision?.number, 1)
  assert.deepEqual(revision.changes, [
    {
      owner: 'admin',
      module: null,
      from: null,
      to: null,
      added: ['a', 'b'],
      removed: [],
      changed: [],
      upstreams: ['users'],
      upstreamsAdded: ['users'],
      upstreamsRemoved: [],
    },
  ])
  const bad = edit('admin', {
    putRoutes: [routeTo('admin', 'c', '/c'), routeTo('admin', 'd', '/a')],
  })
  const refused = await change(publisher, [bad])
  assert.equal(refused.revision, null)
  assert.deepEqual(codesOf(refused), ['admin TURNOUT_ROUTE_CONFLICT'])
  assert.equal(served(publisher, '/c'), null)
  assert.deepEqual(states(publisher), ['- rejected', '1 current'])
})

test('the same edit twice is no second revision, and objects carry the revision that touched them', async () => {
  const { publisher } = openRoad()
  const put = edit('admin', { putRoutes: [routeTo('admin', 'a', '/a')] })
  assert.equal((await change(publisher, [put])).revision?.number, 1)
  assert.equal((await change(publisher, [put])).revision, null)
  await change(publisher, [edit('admin', { putRoutes: [routeTo('admin', 'b', '/b')] })])
  assert.equal(getKey(publisher.table.routes, 'a')?.revision, 1)
  assert.equal(getKey(publisher.table.routes, 'b')?.revision, 2)
})

test('upstreams: one that is missing, one in use, one of another owner', async () => {
  const { publisher } = openRoad()
  const toUsers = routeTo('admin', 'a', '/a', { kind: 'upstream', upstream: 'users' })
  const missing = await change(publisher, [edit('admin', { putRoutes: [toUsers] })])
  assert.deepEqual(codesOf(missing), ['admin TURNOUT_UPSTREAM_UNKNOWN'])
  const both = edit('admin', { putRoutes: [toUsers], putUpstreams: [upstreamOf('admin', 'users')] })
  await change(publisher, [both])
  const used = await change(publisher, [edit('admin', { removeUpstreams: ['users'] })])
  assert.deepEqual(codesOf(used), ['admin TURNOUT_UPSTREAM_USED'])
  const other = await change(publisher, [
    edit('redis:x', { putUpstreams: [upstreamOf('redis:x', 'users', 9002)] }),
  ])
  assert.deepEqual(codesOf(other), ['redis:x TURNOUT_OWNER_DIFFERS'])
  const all = await change(publisher, [
    edit('admin', { removeRoutes: ['a'], removeUpstreams: ['users'] }),
  ])
  assert.deepEqual(all.rejections, [])
  assert.equal(publisher.table.upstreams.size, 0)
})

test('an upstream that only a filter names is needed as much as that of a target', async () => {
  const { publisher } = openRoad()
  const withFilters = (...filters: readonly Filter[]): Route => ({
    ...routeTo('admin', 'a', '/a'),
    filters,
  })
  const mirror: Filter = { kind: 'mirror', upstream: 'copy', percent: 1, maxBodyBytes: 0 }
  const fallback: Filter = { kind: 'fallback', respond: null, upstream: 'rest' }
  const put = (route: Route): ChangeItem => edit('admin', { putRoutes: [route] })
  const missing = await change(publisher, [put(withFilters(mirror, fallback))])
  assert.deepEqual(codesOf(missing), [
    'admin TURNOUT_UPSTREAM_UNKNOWN',
    'admin TURNOUT_UPSTREAM_UNKNOWN',
  ])
  const putUpstreams = [upstreamOf('admin', 'copy'), upstreamOf('admin', 'rest')]
  const all = await change(publisher, [
    edit('admin', { putUpstreams, putRoutes: [withFilters(mirror, fallback)] }),
  ])
  assert.deepEqual(all.rejections, [])
  for (const name of ['copy', 'rest']) {
    const used = await change(publisher, [edit('admin', { removeUpstreams: [name] })])
    assert.deepEqual(codesOf(used), ['admin TURNOUT_UPSTREAM_USED'])
  }
  // A filter that goes takes its claim along; the one that stays keeps its own.
  await change(publisher, [put(withFilters(fallback))])
  const free = await change(publisher, [edit('admin', { removeUpstreams: ['copy'] })])
  assert.deepEqual(free.rejections, [])
  const kept = await change(publisher, [edit('admin', { removeUpstreams: ['rest'] })])
  assert.deepEqual(codesOf(kept), ['admin TURNOUT_UPSTREAM_USED'])
})

test('an id or a place of another owner is refused with both named', async () => {
  const { publisher } = openRoad()
  await change(publisher, [edit('redis:x', { putRoutes: [routeTo('redis:x', 'a', '/a')] })])
  for (const route of [routeTo('admin', 'a', '/else'), routeTo('admin', 'b', '/a')]) {
    const { rejections } = await change(publisher, [edit('admin', { putRoutes: [route] })])
    const [found] = rejections.flatMap(({ problems }) => problems)
    assert.equal(found?.code, 'TURNOUT_ROUTE_CONFLICT')
    assert.match(found.message, /a \(redis:x\)/)
    assert.match(found.message, /\(admin\)/)
  }
})

test('a route that moves to another path leaves its place', async () => {
  const { publisher } = openRoad()
  await change(publisher, [edit('admin', { putRoutes: [routeTo('admin', 'a', '/a')] })])
  await change(publisher, [edit('admin', { putRoutes: [routeTo('admin', 'a', '/b')] })])
  assert.equal(served(publisher, '/a'), null)
  assert.equal(served(publisher, '/b'), 'a')
  assert.equal(publisher.table.routes.size, 1)
})

test('a route of another owner can be switched off, stays off through its next proposals, and comes back', async () => {
  const { publisher } = openRoad()
  const propose = (digest: string): ReturnType<typeof change> =>
    change(publisher, [moduleItem('files:users', '1.0.0', digest)], { isProposal: true })
  await propose('d1')
  const id = 'users#GET /users'
  const off = await change(publisher, [
    edit('admin', { switches: [{ route: id, enabled: false }] }),
  ])
  assert.deepEqual(off.revision?.changes[0]?.changed, [id])
  assert.equal(served(publisher, '/users'), null)
  await propose('d2')
  assert.equal(served(publisher, '/users'), null)
  await change(publisher, [edit('admin', { putRoutes: [routeTo('admin', 'stand-in', '/users')] })])
  assert.equal(served(publisher, '/users'), 'stand-in')
  const blocked = await change(publisher, [
    edit('admin', { switches: [{ route: id, enabled: true }] }),
  ])
  assert.deepEqual(codesOf(blocked), ['admin TURNOUT_ROUTE_CONFLICT'])
  await change(publisher, [
    edit('admin', { removeRoutes: ['stand-in'], switches: [{ route: id, enabled: true }] }),
  ])
  assert.equal(served(publisher, '/users'), id)
})

test('after a rollback a source proposes nothing until its input changes, and is shown as diverged', async () => {
  const { publisher } = openRoad()
  const propose = (version: string): ReturnType<typeof change> =>
    change(publisher, [moduleItem('files:users', version, `digest ${version}`)], {
      isProposal: true,
    })
  await propose('1.0.0')
  await propose('2.0.0')
  assert.deepEqual(publisher.diverged(), [])
  const { revision } = await publisher.rollBack(1, { author: 'operator', reason: 'worse' })
  assert.equal(revision?.restores, 1)
  assert.deepEqual(publisher.diverged(), ['files:users'])
  assert.equal((await propose('2.0.0')).revision, null)
  assert.equal(getKey(publisher.table.modules, 'users')?.version, '1.0.0')
  assert.equal((await propose('3.0.0')).revision?.number, 4)
  assert.deepEqual(publisher.diverged(), [])
  assert.deepEqual(states(publisher), [
    '4 current',
    '3 superseded',
    '2 rolled-back',
    '1 superseded',
  ])
})

test('a digest says what a table says, whatever way it came about', async () => {
  const one = openRoad().publisher
  const other = openRoad().publisher
  const routes = ['a', 'b', 'c'].map((id) => routeTo('admin', id, `/${id}`))
  for (const route of routes) await change(one, [edit('admin', { putRoutes: [route] })])
  await change(other, [edit('admin', { putRoutes: [...routes].reverse() })])
  assert.notEqual(one.current.revision.number, other.current.revision.number)
  assert.equal(one.current.revision.digest, other.current.revision.digest)
  assert.equal(digestOf(one.table), one.current.revision.digest)
  await change(one, [edit('admin', { removeRoutes: ['a', 'b', 'c'] })])
  assert.equal(one.current.revision.digest, emptyDigest)
})

test('a change that is not confirmed is taken back, and what came after it stays', async () => {
  const { publisher, told } = openRoad()
  await change(publisher, [edit('admin', { putRoutes: [routeTo('admin', 'a', '/a')] })])
  const risky = edit('admin', {
    putRoutes: [routeTo('admin', 'a', '/a2'), routeTo('admin', 'b', '/b')],
  })
  await change(publisher, [risky], { confirmWithinMs: 50 })
  await change(publisher, [edit('admin', { putRoutes: [routeTo('admin', 'c', '/c')] })])
  for (let left = 200; left > 0 && !told.includes('applied 4'); left -= 1) await delay(10)
  assert.equal(publisher.current.revision.takesBack, 2)
  assert.deepEqual(
    ['/a', '/a2', '/b', '/c'].map((path) => served(publisher, path)),
    ['a', null, null, 'c'],
  )
  const [, , waited] = publisher.history()
  assert.equal(waited?.number === 2 && waited.confirmation, 'reverted')
  assert.equal(waited?.state, 'rolled-back')
  await assert.rejects(publisher.confirm(2, { author: 'test', reason: '' }), {
    code: 'TURNOUT_CONFIRM_LATE',
  })
})

test('a change that is confirmed stays', async () => {
  const { publisher } = openRoad()
  const item = edit('admin', { putRoutes: [routeTo('admin', 'a', '/a')] })
  await change(publisher, [item], { confirmWithinMs: 60 })
  await publisher.confirm(1, { author: 'test', reason: 'good' })
  await delay(150)
  assert.equal(served(publisher, '/a'), 'a')
  assert.equal(publisher.current.revision.number, 1)
  const [row] = publisher.history()
  assert.equal(row?.number === 1 && row.confirmation, 'confirmed')
})

test('taking back leaves alone what somebody changed since', async () => {
  const { publisher } = openRoad()
  await change(publisher, [
    edit('admin', { putRoutes: [routeTo('admin', 'a', '/a'), routeTo('admin', 'b', '/b')] }),
  ])
  await change(publisher, [edit('admin', { putRoutes: [routeTo('admin', 'a', '/a2')] })])
  await publisher.takeBack(1, { author: 'turnout', reason: 'late' })
  assert.equal(served(publisher, '/a2'), 'a')
  assert.equal(served(publisher, '/b'), null)
})

test('a plan tells what a change would do, and publishes nothing', async () => {
  const { publisher, told } = openRoad()
  await change(publisher, [moduleItem('files:users', '1.0.0', 'd1')])
  const plan = await publisher.plan({
    author: 'test',
    reason: 'plan',
    isPartial: false,
    items: [
      moduleItem('files:users', '2.0.0', 'd2'),
      edit('admin', { putRoutes: [routeTo('admin', 'a', '/a')] }),
    ],
  })
  assert.equal(plan.base, 1)
  assert.deepEqual(
    plan.changes.routes.added.map(({ id }) => id),
    ['a'],
  )
  assert.deepEqual(plan.loads, [{ module: 'users', version: '2.0.0', digest: 'd2' }])
  assert.deepEqual(plan.retires, [{ module: 'users', version: '1.0.0' }])
  const refused = await publisher.plan({
    author: 'test',
    reason: 'plan',
    isPartial: false,
    items: [edit('admin', { putRoutes: [routeTo('admin', 'a', '/users')] })],
  })
  assert.deepEqual(refused.changes.routes.added, [])
  assert.equal(publisher.current.revision.number, 1)
  assert.deepEqual(told, ['applied 1'])
})

test('what a precondition throws is the answer of its author, and nobody else waits for it', async () => {
  const { publisher } = openRoad()
  const failed = change(publisher, () => {
    throw new TurnoutError('TURNOUT_REVISION_RACE', { revision: 7 })
  })
  await assert.rejects(failed, { code: 'TURNOUT_REVISION_RACE' })
  const item = edit('admin', { putRoutes: [routeTo('admin', 'a', '/a')] })
  assert.equal((await change(publisher, () => [item])).revision?.number, 1)
})

test('an edit does not wait for a module that loads', async () => {
  const { publisher } = openRoad()
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  const slow = moduleItem('files:slow', '1.0.0', 'd1')
  assert.equal(slow.kind, 'module')
  const load = async (): Promise<LoadOutcome> => {
    await held
    return slow.load()
  }
  const loading = change(publisher, [{ ...slow, load }])
  const item = edit('admin', { putRoutes: [routeTo('admin', 'a', '/a')] })
  assert.equal((await change(publisher, [item])).revision?.number, 1)
  release()
  assert.equal((await loading).revision?.number, 2)
})

test('an artifact that was refused three times for what it does is quarantined', async () => {
  const { publisher } = openRoad()
  const problems = [{ code: 'TURNOUT_MODULE_CRASHED', message: 'it exited' }] as const
  const load = (): Promise<LoadOutcome> => Promise.resolve({ ok: false, problems, digest: 'bad' })
  for (const isExpected of [false, false, true]) {
    await change(publisher, [{ kind: 'module', owner: 'files:x', label: 'x', load }])
    assert.equal(publisher.isQuarantined('bad'), isExpected)
  }
  assert.equal(publisher.isQuarantined('other'), false)
})

test('routes with one place live side by side where something decides, and are told apart by it', async () => {
  const { publisher } = openRoad()
  const selection = {
    predicates: [],
    version: null,
    isBaseline: false,
    labels: {},
    weight: null,
    order: 0,
  }
  const versioned = (id: string, version: string | null): ReturnType<typeof routeTo> => ({
    ...routeTo('admin', id, '/v'),
    selection: { ...selection, version },
  })
  const both = edit('admin', { putRoutes: [versioned('one', '1.0.0'), versioned('two', '2.0.0')] })
  assert.deepEqual((await change(publisher, [both])).rejections, [])
  const twice = await change(publisher, [
    edit('admin', { putRoutes: [versioned('again', '2.0.0')] }),
  ])
  assert.deepEqual(codesOf(twice), ['admin TURNOUT_ROUTE_CONFLICT'])
  await change(publisher, [edit('admin', { removeRoutes: ['one'] })])
  await change(publisher, [edit('admin', { removeRoutes: ['two'] })])
  assert.equal(served(publisher, '/v'), null)
})

test('a record of the history tells of its own moment, however late it is asked', async () => {
  const store = createMemoryStore()
  const told: (() => Iterable<StoredObject>)[] = []
  const spy: Store = {
    ...store,
    publish: (proposal, state) => {
      if (proposal.number === null) told.push(state)
      return store.publish(proposal, state)
    },
  }
  const { publisher } = openRoad({ store: spy })
  const put = (id: string): ChangeItem =>
    edit('admin', { putRoutes: [routeTo('admin', id, `/${id}`)] })
  await change(publisher, [put('a')], { confirmWithinMs: 60_000 })
  await publisher.confirm(1, { author: 'test', reason: 'good' })
  await change(publisher, [put('b')])
  assert.deepEqual(
    [...told[0]!()].map(({ key }) => key),
    ['route:a'],
  )
})

test('taking back leaves the routes of a module alone that somebody has replaced since', async () => {
  const { publisher } = openRoad()
  const propose = (version: string, paths: readonly string[]): ReturnType<typeof change> =>
    change(publisher, [moduleItem('files:users', version, `digest ${version}`, paths)], {
      isProposal: true,
    })
  const ids = (): string[] => [...routesOf(publisher.table, 'files:users')].map(({ id }) => id)
  await propose('1.0.0', ['/old'])
  await propose('2.0.0', ['/kept'])
  await propose('3.0.0', ['/kept', '/new'])
  // What version 2.0.0 brought is still as it was, and what it took away is still gone; both are 3.0.0's now.
  await publisher.takeBack(2, { author: 'turnout', reason: 'late' })
  assert.equal(getKey(publisher.table.modules, 'users')?.version, '3.0.0')
  assert.deepEqual(ids(), ['users#GET /kept', 'users#GET /new'])
})

test('a confirmation that was taken is not overtaken by its own deadline', async () => {
  const { publisher } = openRoad()
  const put = edit('admin', { putRoutes: [routeTo('admin', 'a', '/a')] })
  await change(publisher, [put], { confirmWithinMs: 30 })
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  const slow = moduleItem('files:slow', '1.0.0', 'd1')
  assert.equal(slow.kind, 'module')
  const load = async (): Promise<LoadOutcome> => {
    await held
    return slow.load()
  }
  // Holds the queue until the deadline has come and gone.
  const before = change(publisher, () => [{ ...slow, load }])
  const confirmed = publisher.confirm(1, { author: 'test', reason: 'good' })
  await delay(80)
  release()
  await before
  await confirmed
  await change(publisher, [edit('admin', { putRoutes: [routeTo('admin', 'b', '/b')] })])
  assert.equal(served(publisher, '/a'), 'a')
  assert.deepEqual(states(publisher), ['3 current', '2 superseded', '1 superseded'])
})

test('an upstream that a route used before it was replaced at its place can go', async () => {
  const { publisher } = openRoad()
  const to = (upstream: string): ChangeItem =>
    edit('admin', {
      putUpstreams: [upstreamOf('admin', 'one'), upstreamOf('admin', 'two', 9002)],
      putRoutes: [routeTo('admin', 'a', '/a', { kind: 'upstream', upstream })],
    })
  await change(publisher, [to('one')])
  await change(publisher, [to('two')])
  const used = await change(publisher, [edit('admin', { removeUpstreams: ['two'] })])
  assert.deepEqual(codesOf(used), ['admin TURNOUT_UPSTREAM_USED'])
  const free = await change(publisher, [edit('admin', { removeUpstreams: ['one'] })])
  assert.deepEqual(codesOf(free), [])
})

test('removing a route of somebody else does nothing to it, not even to its switch', async () => {
  const { publisher } = openRoad()
  await change(publisher, [edit('redis:x', { putRoutes: [routeTo('redis:x', 'a', '/a')] })])
  await change(publisher, [edit('admin', { switches: [{ route: 'a', enabled: false }] })])
  const { revision } = await change(publisher, [edit('admin', { removeRoutes: ['a'] })])
  assert.equal(revision, null)
  assert.equal(getKey(publisher.table.switchedOff, 'a'), true)
})

test('code that waits for the rest of its change set is there when its turn comes', async () => {
  const { publisher } = openRoad({ keep: 1 })
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  const slow = moduleItem('files:slow', '1.0.0', 'd1')
  assert.equal(slow.kind, 'module')
  const load = async (): Promise<LoadOutcome> => {
    await held
    return slow.load()
  }
  const both = change(publisher, [moduleItem('files:fast', '1.0.0', 'd2'), { ...slow, load }])
  // So many that the history forgets meanwhile.
  for (let count = 0; count < 120; count += 1)
    await change(publisher, [edit('admin', { putRoutes: [routeTo('admin', 'a', `/${count}`)] })])
  release()
  assert.deepEqual(codesOf(await both), [])
})

test('code whose digest has an at sign in it is kept as long as it is named', async () => {
  const { publisher } = openRoad({ keep: 2 })
  await change(publisher, [moduleItem('files:users', '1.0.0', 'd1+/@acme')])
  for (let count = 0; count < 120; count += 1)
    await change(publisher, [edit('admin', { putRoutes: [routeTo('admin', 'a', `/${count}`)] })])
  await change(publisher, [moduleItem('files:users', '2.0.0', 'd2')])
  assert.deepEqual(codesOf(await publisher.rollBack(121, { author: 'test', reason: '' })), [])
})

test('code that was only planned, or refused for what its routes are, is not kept', async () => {
  const { publisher, worker } = openRoad()
  const learned: string[] = []
  worker.learn = ({ key }) => void learned.push(key)
  await change(publisher, [edit('admin', { putRoutes: [routeTo('admin', 'a', '/users')] })])
  const items = [moduleItem('files:users', '1.0.0', 'd1')]
  await publisher.plan({ author: 'test', reason: 'plan', isPartial: false, items })
  assert.deepEqual(codesOf(await change(publisher, items)), ['files:users TURNOUT_ROUTE_CONFLICT'])
  assert.deepEqual(learned, [])
})

test('a rollback that the store cannot take gives back what it made ready', async () => {
  const store = createMemoryStore()
  let isFull = false
  const failing: Store = {
    ...store,
    publish: (proposal, state) =>
      isFull && proposal.number !== null
        ? Promise.reject(new TurnoutError('TURNOUT_STORE_FAILED', { reason: 'the disk is full' }))
        : store.publish(proposal, state),
  }
  const { publisher, worker } = openRoad({ store: failing })
  await change(publisher, [moduleItem('files:users', '1.0.0', 'd1')])
  await change(publisher, [moduleItem('files:users', '2.0.0', 'd2')])
  let discarded = 0
  const discard = worker.discard.bind(worker)
  worker.discard = () => {
    discarded += 1
    return discard()
  }
  isFull = true
  const back = publisher.rollBack(1, { author: 'test', reason: 'worse' })
  await assert.rejects(back, { code: 'TURNOUT_STORE_FAILED' })
  assert.equal(discarded, 1)
  assert.equal(getKey(publisher.table.modules, 'users')?.version, '2.0.0')
})

test('what is published while it closes sets no clock that would hold the process up', async () => {
  const { publisher } = openRoad()
  const timers = (): number =>
    process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const before = timers()
  const item = edit('admin', { putRoutes: [routeTo('admin', 'a', '/a')] })
  const last = change(publisher, [item], { confirmWithinMs: 60_000 })
  await publisher.close()
  assert.equal((await last).revision?.number, 1)
  assert.equal(timers(), before)
})

test('a deadline that is further away than a timer can tell is not missed early', async () => {
  const { publisher } = openRoad()
  const item = edit('admin', { putRoutes: [routeTo('admin', 'a', '/a')] })
  const delays: number[] = []
  const set = globalThis.setTimeout
  try {
    globalThis.setTimeout = ((run: () => void, ms: number) => {
      delays.push(ms)
      return set(run, Math.min(ms, 1))
    }) as unknown as typeof setTimeout
    await change(publisher, [item], { confirmWithinMs: 40 * 24 * 3_600_000 })
    await new Promise((resolve) => set(resolve, 50))
  } finally {
    globalThis.setTimeout = set
  }
  assert.equal(served(publisher, '/a'), 'a')
  await publisher.close()
})

test('a deadline that the store could not meet is met when the store is back', async () => {
  const store = createMemoryStore()
  let isFull = false
  const failing: Store = {
    ...store,
    publish: (proposal, state) =>
      isFull
        ? Promise.reject(new TurnoutError('TURNOUT_STORE_FAILED', { reason: 'the disk is full' }))
        : store.publish(proposal, state),
  }
  const stuck: number[] = []
  const onStuck = ({ number }: Revision): void => void stuck.push(number)
  const { publisher } = openRoad({ store: failing, onStuck })
  const item = edit('admin', { putRoutes: [routeTo('admin', 'a', '/a')] })
  await change(publisher, [item], { confirmWithinMs: 20 })
  isFull = true
  for (let left = 200; left > 0 && stuck.length === 0; left -= 1) await delay(10)
  assert.deepEqual(stuck, [1])
  isFull = false
  for (let left = 600; left > 0 && served(publisher, '/a') !== null; left -= 1) await delay(10)
  assert.equal(served(publisher, '/a'), null)
  await publisher.close()
})

test('what waits for its confirmation is taken back even when many changes came after it', async () => {
  const { publisher } = openRoad({ keep: 3 })
  await change(publisher, [edit('admin', { putRoutes: [routeTo('admin', 'a', '/a')] })])
  const risky = edit('admin', { putRoutes: [routeTo('admin', 'b', '/b')] })
  await change(publisher, [risky], { confirmWithinMs: 150 })
  for (let count = 0; count < 5; count += 1)
    await change(publisher, [edit('admin', { putRoutes: [routeTo('admin', 'c', `/c${count}`)] })])
  for (let left = 200; left > 0 && served(publisher, '/b') !== null; left -= 1) await delay(10)
  assert.equal(served(publisher, '/b'), null)
  assert.equal(served(publisher, '/a'), 'a')
  assert.equal(served(publisher, '/c4'), 'c')
})

test('a history that grew for what waited is as long as it should be after the confirmation', async () => {
  const { publisher } = openRoad({ keep: 2 })
  const put = (id: string): ChangeItem =>
    edit('admin', { putRoutes: [routeTo('admin', id, `/${id}`)] })
  await change(publisher, [put('a')])
  await change(publisher, [put('b')], { confirmWithinMs: 60_000 })
  await change(publisher, [put('c')])
  await change(publisher, [put('d')])
  assert.deepEqual(states(publisher).at(-1), '1 superseded')
  await publisher.confirm(2, { author: 'test', reason: 'good' })
  await change(publisher, [put('e')])
  assert.deepEqual(states(publisher), ['5 current', '4 superseded'])
  await publisher.close()
})
