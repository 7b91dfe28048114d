import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getKey, entriesFrom } from '../../src/core/persistent-map.ts'
import type { ChangeSet } from '../../src/control/change.ts'
import { digestAhead, replaceWhole, type WholeSet } from '../../src/control/whole.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { change, edit, openRoad, routeTo, upstreamOf } from './support/open.ts'

const owner = 'redis:rules'
const one = routeTo(owner, 'one', '/one')
const two = routeTo(owner, 'two', '/two')
const viaShop = routeTo(owner, 'shop', '/shop', { kind: 'upstream', upstream: 'shop' })
const shop = upstreamOf(owner, 'shop')

const proposing = (set: Partial<WholeSet>): ChangeSet => ({
  author: 'redis',
  reason: 'it changed',
  isPartial: false,
  isProposal: true,
  items: (table) => replaceWhole(table, owner, { routes: [], upstreams: [], ...set }),
})

test('an owner of data replaces its routes and upstreams as a whole, and nobody else loses any', async () => {
  const { publisher } = openRoad()
  const other = routeTo('admin', 'other', '/other')
  await change(publisher, [
    edit('admin', { putRoutes: [other], putUpstreams: [upstreamOf('admin', 'mine')] }),
  ])
  await publisher.change(proposing({ routes: [one, viaShop], upstreams: [shop] }))
  await publisher.change(proposing({ routes: [two] }))
  const { routes, upstreams } = publisher.table
  assert.deepEqual([...entriesFrom(routes)].map(([id]) => id).sort(), ['other', 'two'])
  assert.deepEqual(
    [...entriesFrom(upstreams)].map(([name]) => name),
    ['mine'],
  )
  await publisher.close()
})

test('what is proposed again is no change, also after somebody went back, and the owner is shown as diverged', async () => {
  const { publisher } = openRoad()
  await publisher.change(proposing({ routes: [one] }))
  const good = publisher.current.revision.number
  await publisher.change(proposing({ routes: [two] }))
  assert.deepEqual(publisher.diverged(), [])
  await publisher.rollBack(good, { author: 'ada', reason: 'bad' })
  assert.deepEqual(publisher.diverged(), [owner])
  const outcome = await publisher.change(proposing({ routes: [two] }))
  assert.equal(outcome.revision, null)
  assert.ok(getKey(publisher.table.routes, 'one') !== undefined)
  await publisher.change(proposing({ routes: [one, two] }))
  assert.deepEqual(publisher.diverged(), [])
  await publisher.close()
})

test('a digest that was made ahead is the one that is made at once', async () => {
  const { publisher } = openRoad()
  const set: WholeSet = { routes: [one, viaShop], upstreams: [shop] }
  let turns = 0
  await digestAhead(set, () => {
    turns += 1
    return Promise.resolve()
  })
  assert.equal(turns, 3)
  const [ahead] = replaceWhole(publisher.table, owner, set)
  const [atOnce] = replaceWhole(publisher.table, owner, { ...set })
  assert.deepEqual(ahead, atOnce)
  await publisher.change(proposing(set))
  assert.deepEqual(replaceWhole(publisher.table, owner, set), [])
  await publisher.close()
})

test('what an earlier process proposed is remembered', async () => {
  const store = createMemoryStore()
  const first = openRoad({ store })
  await first.publisher.change(proposing({ routes: [one, viaShop], upstreams: [shop] }))
  const second = openRoad({ store })
  await second.publisher.resume()
  assert.deepEqual(second.publisher.diverged(), [])
  const outcome = await second.publisher.change(
    proposing({ routes: [viaShop, one], upstreams: [shop] }),
  )
  assert.equal(outcome.revision, null)
})

test('a route that was switched off stays so while it is away', async () => {
  const { publisher } = openRoad()
  await publisher.change(proposing({ routes: [one, two] }))
  const switches = [{ route: 'one', enabled: false }]
  await change(publisher, [edit('admin', { switches })])
  await publisher.change(proposing({ routes: [two] }))
  await publisher.change(proposing({ routes: [one, two] }))
  assert.equal(getKey(publisher.table.switchedOff, 'one'), true)
  await publisher.close()
})

test('a set that meets somebody else is refused as a whole', async () => {
  const { publisher, told } = openRoad()
  await publisher.change(proposing({ routes: [one] }))
  const mine = routeTo('admin', 'mine', '/two')
  await change(publisher, [edit('admin', { putRoutes: [mine] })])
  const { rejections } = await publisher.change(
    proposing({ routes: [two, viaShop], upstreams: [shop] }),
  )
  assert.equal(rejections[0]?.problems[0]?.code, 'TURNOUT_ROUTE_CONFLICT')
  assert.equal(told.at(-1), `rejected ${owner}`)
  assert.ok(getKey(publisher.table.routes, 'one') !== undefined)
  assert.equal(publisher.table.upstreams.size, 0)
  await publisher.close()
})
