import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  isResourceSetting,
  resourcesOf,
  ruleOf,
  shortages,
} from '../../../src/core/protect/resources.ts'
import { measured, untouched, type ThresholdRule } from '../../../src/core/protect/threshold.ts'

const rule: ThresholdRule = { threshold: 100, atLeast: 3, of: 5 }

const run = (values: readonly number[], by: ThresholdRule = rule): readonly boolean[] => {
  let state = untouched
  return values.map((value) => (state = measured(state, value, by)).isOver)
}

const cases: readonly {
  readonly name: string
  readonly values: readonly number[]
  /** `.` under, `#` over, after each measurement. */
  readonly over: string
}[] = [
  { name: 'one high measurement is no crossing', values: [200, 0, 0, 0, 0, 200], over: '......' },
  { name: 'three of five are', values: [200, 0, 200, 0, 100], over: '....#' },
  { name: 'three of six are not', values: [200, 0, 200, 0, 0, 200], over: '......' },
  {
    name: 'it ends when none of the last five was near',
    values: [200, 200, 200, 50, 50, 50, 50, 50, 50],
    over: '..#####..',
  },
  {
    name: 'what swings around the threshold crosses it once',
    values: [110, 110, 110, 95, 110, 95, 95, 95, 95, 95, 110, 95],
    over: '..##########',
  },
]

for (const { name, values, over } of cases)
  test(name, () => {
    const seen = run(values).map((is) => (is ? '#' : '.'))
    assert.equal(seen.join(''), over)
  })

/** The same from the whole history each time. */
const naive = (values: readonly number[], { threshold, atLeast, of }: ThresholdRule): boolean[] => {
  const all: boolean[] = []
  values.forEach((_, at) => {
    const last = values.slice(Math.max(0, at + 1 - of), at + 1)
    const isCalm = last.length === of && last.every((value) => value < threshold * 0.9)
    const isHigh = last.filter((value) => value >= threshold).length >= atLeast
    all.push(all.at(-1) === true ? !isCalm : isHigh)
  })
  return all
}

test('it does as its naive twin does, and never flips twice within its window', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 0, max: 6 }),
      (values, atLeast, more) => {
        const by = { threshold: 100, atLeast, of: atLeast + more }
        const seen = run(values, by)
        assert.deepEqual(seen, naive(values, by))
        const ups = seen.flatMap((is, at) => (is && seen[at - 1] !== true ? [at] : []))
        ups.slice(1).forEach((at, index) => assert.ok(at - ups[index]! > by.of))
      },
    ),
  )
})

const short: readonly {
  readonly workers: Parameters<typeof shortages>[0]
  readonly reasons: readonly string[]
}[] = [
  { workers: [], reasons: [] },
  { workers: [[], []], reasons: [] },
  { workers: [['openFiles'], []], reasons: [] },
  { workers: [['openFiles', 'heap'], ['openFiles']], reasons: ['open files run out'] },
  { workers: [['loopDelay'], ['loopDelay']], reasons: ['the event loop is late'] },
  { workers: [['gcPause', 'heap']], reasons: [] },
]

for (const { workers, reasons } of short)
  test(`workers short of ${JSON.stringify(workers)}: ${reasons.join() || 'ready'}`, () => {
    assert.deepEqual(shortages(workers), reasons)
  })

test('settings have their defaults, and 0 turns one off', () => {
  assert.equal(resourcesOf(false), null)
  const settings = resourcesOf({ heap: 0, loopDelayMs: undefined })!
  assert.equal(ruleOf(settings, 'heap'), null)
  assert.deepEqual(ruleOf(settings, 'loopDelay'), { threshold: 500, atLeast: 3, of: 5 })
})

const settingCases: readonly (readonly [string, unknown, boolean])[] = [
  ['heap', 0.5, true],
  ['heap', 1.5, false],
  ['loopDelayMs', 0.5, false],
  ['loopDelayMs', 1, true],
  ['leakCollections', 0, false],
  ['leakGraceMs', '5', false],
  ['toString', 1, false],
]

for (const [name, value, is] of settingCases)
  test(`${name}: ${String(value)} ${is ? 'may' : 'may not'} be said`, () =>
    assert.equal(isResourceSetting(name, value), is))
