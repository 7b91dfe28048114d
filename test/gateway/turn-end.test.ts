import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turnEnds } from 'node:timers/promises'
import { atTurnEnd, flushHeld, type Held } from '../../src/gateway/turn-end.ts'

const flushed: string[] = []
const holder = (name: string, then: () => void = () => undefined): Held => ({
  flush: () => {
    flushed.push(name)
    then()
  },
})

/** What was flushed since the last call. */
const taken = (): string[] => flushed.splice(0)

test('all are flushed when the turn ends, in their order, and once', async () => {
  for (const name of ['a', 'b', 'c']) atTurnEnd(holder(name))
  await Promise.resolve()
  assert.deepEqual(taken(), [])
  await turnEnds()
  assert.deepEqual(taken(), ['a', 'b', 'c'])
  await turnEnds()
  assert.deepEqual(taken(), [])
})

test('so many others wait for nobody', async () => {
  const names = Array.from({ length: 40 }, (_, at) => `${at}`)
  for (const name of names) atTurnEnd(holder(name))
  assert.deepEqual(taken(), names.slice(0, 32))
  await turnEnds()
  assert.deepEqual(taken(), names.slice(32))
})

test('who holds back while others are flushed is flushed with them', async () => {
  atTurnEnd(holder('a', () => atTurnEnd(holder('b', () => atTurnEnd(holder('c'))))))
  atTurnEnd(holder('d'))
  await turnEnds()
  assert.deepEqual(taken(), ['a', 'd', 'b', 'c'])
})

test('where it was broken off, it goes on behind the one that it was at', async () => {
  for (const name of ['a', 'b', 'c', 'd'])
    atTurnEnd(
      holder(name, () => {
        // As containment does: nothing behind this line runs, and nobody catches it here.
        if (name === 'b') throw new Error('broken off')
      }),
    )
  assert.throws(flushHeld, /broken off/)
  assert.deepEqual(taken(), ['a', 'b'])
  atTurnEnd(holder('e'))
  flushHeld()
  assert.deepEqual(taken(), ['c', 'd', 'e'])
  await turnEnds()
  assert.deepEqual(taken(), [])
})

test('many who do so are all flushed, and nobody twice', async () => {
  const names = Array.from({ length: 20 }, (_, at) => `b${at}`)
  atTurnEnd(
    holder('a', () => {
      for (const name of names) atTurnEnd(holder(name))
    }),
  )
  atTurnEnd(holder('c'))
  await turnEnds()
  await turnEnds()
  assert.deepEqual(taken().toSorted(), ['a', 'c', ...names].toSorted())
})

test('what is flushed early is not flushed again, and what comes after it is', async () => {
  atTurnEnd(holder('a'))
  flushHeld()
  assert.deepEqual(taken(), ['a'])
  atTurnEnd(holder('b'))
  await turnEnds()
  assert.deepEqual(taken(), ['b'])
})
