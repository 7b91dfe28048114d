import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createCountWindow, createTimeWindow } from '../../../src/core/protect/sliding-window.ts'

const added = fc.record({
  kind: fc.nat({ max: 2 }),
  ms: fc.oneof(fc.nat({ max: 1500 }), fc.constant(60_000)),
})
const kinds = [0, 1, 2]

test('a window of calls counts the last of a list', () => {
  fc.assert(
    fc.property(fc.nat({ max: 5 }), fc.array(added), (size, all) => {
      const window = createCountWindow(size, 3)
      const list: number[] = []
      for (const { kind } of all) {
        window.add(kind, 0)
        list.push(kind)
        const last = list.slice(Math.max(0, list.length - size))
        for (const kind of kinds) {
          assert.equal(window.count(kind, 0), last.filter((one) => one === kind).length)
        }
      }
    }),
  )
})

test('a window of seconds counts those of the last seconds of a list', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(added), (seconds, all) => {
      let now = 999
      const window = createTimeWindow(seconds, 3, now)
      const list: { kind: number; second: number }[] = []
      for (const { kind, ms } of all) {
        now += ms
        window.add(kind, now)
        const second = Math.floor(now / 1000)
        list.push({ kind, second })
        const late = list.filter((one) => one.second > second - seconds)
        for (const kind of kinds) {
          assert.equal(window.count(kind, now), late.filter((one) => one.kind === kind).length)
        }
      }
    }),
  )
})

test('a clock that went back forgets nothing, neither then nor when it is right again', () => {
  const window = createTimeWindow(2, 1, 10_000)
  window.add(0, 10_000)
  window.add(0, 3000)
  assert.equal(window.count(0, 0), 2)
  assert.equal(window.count(0, 11_999), 2)
  assert.equal(window.count(0, 12_000), 0)
})
