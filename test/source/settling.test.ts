import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Settling } from '../../src/source/settling.ts'

const make = (): Settling => new Settling(50, 1000)

test('a path is at rest after the settle time and two equal looks', () => {
  const settling = make()
  settling.touch('a', 1000)
  assert.equal(settling.nextLookAt(), 1025)
  settling.see('a', 'one', 1025)
  assert.equal(settling.isAtRest('a', 1049), false)
  assert.equal(settling.nextLookAt(), 1050)
  settling.see('a', 'one', 1050)
  assert.equal(settling.isAtRest('a', 1050), true)
})

test('without a look nothing is at rest, and two looks are half a settle time apart', () => {
  const settling = make()
  settling.touch('a', 1000)
  assert.equal(settling.isAtRest('a', 1500), false)
  settling.see('a', 'one', 1500)
  assert.equal(settling.isAtRest('a', 1500), false)
  assert.equal(settling.nextLookAt(), 1525)
  settling.see('a', 'one', 1525)
  assert.equal(settling.isAtRest('a', 1525), true)
})

test('another hint and another sight start the time anew', () => {
  const settling = make()
  settling.touch('a', 1000)
  settling.see('a', 'one', 1025)
  settling.touch('a', 1040)
  assert.equal(settling.nextLookAt(), 1065)
  settling.see('a', 'two', 1065)
  settling.see('a', 'three', 1090)
  assert.equal(settling.isAtRest('a', 1090), false)
  assert.equal(settling.nextLookAt(), 1140)
  assert.equal(settling.isAtRest('a', 1140), true)
})

test('a burst is overdue by its first touch; what remains waits anew', () => {
  const settling = make()
  settling.touch('a', 1000)
  settling.see('a', 'one', 1025)
  settling.touch('b', 1990)
  assert.equal(settling.isOverdue(1999), false)
  assert.equal(settling.nextLookAt(), 2000)
  assert.equal(settling.isOverdue(2000), true)
  assert.equal(settling.isAtRest('a', 2000), true)
  assert.equal(settling.isAtRest('b', 2000), false)
  settling.drop(['a'], 2000)
  assert.deepEqual(settling.paths, ['b'])
  assert.equal(settling.isOverdue(2001), false)
  settling.drop(['b'], 2001)
  assert.equal(settling.isEmpty, true)
  assert.equal(settling.nextLookAt(), undefined)
})
