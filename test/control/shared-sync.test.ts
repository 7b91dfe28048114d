import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TurnoutError } from '../../src/core/errors.ts'
import { getKey } from '../../src/core/persistent-map.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import type { PublishResult, Store } from '../../src/store/store.ts'
import { change, codesOf, edit, openRoad, routeTo } from './support/open.ts'

/** A store whose writes end when they are told to, in the order in which they came. */
const openHeld = (): {
  readonly store: Store
  readonly numbers: (number | null)[]
  /** Ends the oldest write that waits. */
  readonly end: (error?: Error) => Promise<void>
} => {
  const memory = createMemoryStore()
  const waiting: ((error?: Error) => void)[] = []
  const numbers: (number | null)[] = []
  const publish: Store['publish'] = (proposal, state) => {
    numbers.push(proposal.number)
    return new Promise<PublishResult>((resolve, reject) => {
      waiting.push((error) => {
        if (error === undefined) resolve(memory.publish(proposal, state))
        else reject(error)
      })
    })
  }
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve))
  const end = async (error?: Error): Promise<void> => {
    waiting.shift()!(error)
    await settle()
  }
  return { store: { ...memory, isVolatile: false, publish }, numbers, end }
}

const put = (id: string, path = `/${id}`) =>
  edit('admin', { putRoutes: [routeTo('admin', id, path)] })
const settle = () => new Promise<void>((resolve) => setImmediate(resolve))
const lost = new TurnoutError('TURNOUT_STORE_FAILED', { reason: 'the disk is full' })

test('edits are handed to the store before the one in front is on the disk, and served in order', async () => {
  const { store, numbers, end } = openHeld()
  const { publisher, told } = openRoad({ store })
  const changes = ['a', 'b', 'c'].map((id) => change(publisher, [put(id)]))
  await settle()
  assert.deepEqual(numbers, [1, 2, 3])
  assert.equal(publisher.current.revision.number, 0)
  await end()
  assert.deepEqual(told, ['applied 1'])
  assert.equal(getKey(publisher.table.routes, 'b'), undefined)
  await end()
  await end()
  const outcomes = await Promise.all(changes)
  assert.deepEqual(
    outcomes.map(({ revision }) => revision?.number),
    [1, 2, 3],
  )
  assert.deepEqual(told, ['applied 1', 'applied 2', 'applied 3'])
  assert.equal(publisher.table.routes.size, 3)
})

test('what stood on a change that was not written is lost with it, and the next one goes on', async () => {
  const { store, numbers, end } = openHeld()
  const { publisher, told } = openRoad({ store })
  const first = assert.rejects(change(publisher, [put('a')]), { code: 'TURNOUT_STORE_FAILED' })
  const second = assert.rejects(change(publisher, [put('b')]), { code: 'TURNOUT_STORE_FAILED' })
  await settle()
  await end(lost)
  const third = change(publisher, [put('c')])
  await settle()
  assert.deepEqual(numbers, [1, 2, 1])
  // The second names a number that the store is not at.
  await end()
  await end()
  await first
  await second
  assert.equal((await third).revision?.number, 1)
  assert.deepEqual(told, ['applied 1'])
  assert.equal(getKey(publisher.table.routes, 'b'), undefined)
  assert.equal(getKey(publisher.table.routes, 'c')?.revision, 1)
})

test('a refusal waits for what it rests on, and is looked at anew when that is lost', async () => {
  const { store, end } = openHeld()
  const { publisher } = openRoad({ store })
  const first = assert.rejects(change(publisher, [put('a', '/same')]))
  const taken = change(publisher, [put('b', '/same')])
  const isThere = new TurnoutError('TURNOUT_ITEM_EXISTS', {
    noun: 'route',
    id: 'b',
    owner: 'admin',
    place: '/',
    other: 'b',
    otherOwner: 'admin',
    otherPlace: '/',
  })
  let isEnded = false
  const refused = change(publisher, (table) => {
    if (getKey(table.routes, 'b') !== undefined) throw isThere
    return [put('b')]
  })
  const told = assert.rejects(refused, isThere).then(() => (isEnded = true))
  await settle()
  await end(lost)
  await first
  // The place is free now, so the second is written; the third finds it, and waits.
  await settle()
  assert.equal(isEnded, false)
  await end()
  assert.equal((await taken).revision?.number, 1)
  await told
  const other = change(publisher, [put('d', '/same')])
  await settle()
  await end()
  assert.deepEqual(codesOf(await other), ['admin TURNOUT_ROUTE_CONFLICT'])
})
