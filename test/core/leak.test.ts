import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  addHolders,
  mergeRetired,
  mostHolders,
  mostRetired,
  reasonOf,
  type Holder,
  type RetiredFacts,
} from '../../src/core/leak.ts'

const timer = (at: string | null, count = 1, since: string | null = null): Holder => ({
  kind: 'timer',
  what: 'setInterval',
  at,
  since,
  count,
})

const facts = (own: Partial<RetiredFacts>): RetiredFacts => ({
  module: 'users',
  version: '1.0.0',
  digest: 'a',
  state: 'unknown',
  disposedAt: '2026-05-01T00:00:00.000Z',
  collections: 2,
  holders: [],
  reason: null,
  ...own,
})

test('holders from one line are one, with the oldest instant', () => {
  const [one, ...others] = addHolders([
    timer('u.js:1:1', 2, '2026-05-02T00:00:00.000Z'),
    timer('u.js:1:1', 3, '2026-05-01T00:00:00.000Z'),
    timer('u.js:1:1'),
  ])
  assert.deepEqual(one, timer('u.js:1:1', 6, '2026-05-01T00:00:00.000Z'))
  assert.deepEqual(others, [])
})

test('however many there are, a list is bounded', () => {
  const many = Array.from({ length: 100 }, (_, at) => timer(`u.js:${at}:1`))
  assert.equal(addHolders(many).length, mostHolders)
  const versions = Array.from({ length: 100 }, (_, at) => facts({ digest: String(at) }))
  const merged = mergeRetired(versions)
  assert.equal(merged.length, mostRetired)
  assert.equal(merged.at(-1)!.digest, '99')
})

test('of several workers the worst state counts, and the fewest collections', () => {
  const merged = mergeRetired([
    facts({ state: 'collected', collections: 5 }),
    facts({ state: 'leaked', collections: 4, holders: [timer('u.js:1:1')], reason: 'a timer' }),
    facts({ collections: 3, holders: [timer('u.js:1:1')], disposedAt: '2026-04-01T00:00:00.000Z' }),
    facts({ version: '2.0.0' }),
  ])
  assert.deepEqual(merged, [
    facts({
      state: 'leaked',
      collections: 3,
      holders: [timer('u.js:1:1', 2)],
      reason: 'a timer',
      disposedAt: '2026-04-01T00:00:00.000Z',
    }),
    facts({ version: '2.0.0' }),
  ])
})

test('the reason names each kind once, and says so where nothing was found', () => {
  const two = reasonOf([timer('a'), timer('b'), { ...timer('c'), kind: 'socket' }], 0)
  assert.equal(two.match(/timer outlived/g)?.length, 1)
  assert.match(two, /socket is still open/)
  assert.match(reasonOf([], 4), /not collected after 4 major collections/)
})
