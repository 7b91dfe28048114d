import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type Waiting, createBulkhead } from '../../../src/core/protect/bulkhead.ts'

const never = (): void => assert.fail('it was given a place')

test('a place that is left goes to the one that waits longest', () => {
  const bulkhead = createBulkhead({
    maxConcurrentCalls: 1,
    maxWaitDuration: 100,
    maxWaitingCalls: 3,
  })
  assert.equal(bulkhead.tryEnter(), true)
  assert.equal(bulkhead.tryEnter(), false)
  const resumed: string[] = []
  bulkhead.wait(0, () => resumed.push('a'))
  const cancelled = bulkhead.wait(1, never)
  bulkhead.wait(2, () => resumed.push('c'))
  assert.equal(bulkhead.wait(3, never), null)
  assert.equal(cancelled?.cancel(), true)
  assert.equal(cancelled?.cancel(), false)
  bulkhead.leave(0)
  assert.equal(bulkhead.tryEnter(), false)
  bulkhead.leave(0)
  assert.deepEqual(resumed, ['a', 'c'])
  bulkhead.leave(0)
  assert.deepEqual([bulkhead.inFlight, bulkhead.waiting], [0, 0])
})

// Resilience4j's default: maxWaitDuration 0 refuses at once.
test('nobody waits where no wait is allowed', () => {
  const bulkhead = createBulkhead({ maxConcurrentCalls: 1, maxWaitDuration: 0, maxWaitingCalls: 9 })
  assert.equal(bulkhead.tryEnter(), true)
  assert.equal(bulkhead.wait(0, never), null)
})

test('who is resumed and leaves at once hands the place on', () => {
  const bulkhead = createBulkhead({ maxConcurrentCalls: 1, maxWaitDuration: 9, maxWaitingCalls: 9 })
  bulkhead.tryEnter()
  let resumed = 0
  for (let count = 0; count < 9; count += 1) {
    bulkhead.wait(0, () => {
      resumed += 1
      bulkhead.leave(0)
    })
  }
  bulkhead.leave(0)
  assert.deepEqual([resumed, bulkhead.inFlight, bulkhead.waiting], [9, 0, 0])
})

const step = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: 'enter' as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'leave' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat({ max: 30 }) }),
  },
)

test('never more than the limit in flight or waiting; first come, first served; none waits beyond its deadline', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.nat({ max: 5 }),
      fc.array(step, { maxLength: 100 }),
      (maxConcurrentCalls, maxWaitingCalls, steps) => {
        const bulkhead = createBulkhead({
          maxConcurrentCalls,
          maxWaitDuration: 50,
          maxWaitingCalls,
        })
        let now = 0
        let inFlight = 0
        let queue: { handle: Waiting | null; at: number }[] = []
        const done: Waiting[] = []
        for (const step of steps) {
          if (step.kind === 'enter') {
            const entered = bulkhead.tryEnter()
            assert.equal(entered, inFlight < maxConcurrentCalls)
            if (entered) inFlight += 1
            else {
              const entry: { handle: Waiting | null; at: number } = { handle: null, at: now }
              entry.handle = bulkhead.wait(now, () => {
                assert.equal(queue[0], entry)
                queue.shift()
                if (entry.handle !== null) done.push(entry.handle)
                inFlight += 1
              })
              assert.equal(entry.handle !== null, queue.length < maxWaitingCalls)
              if (entry.handle !== null) queue.push(entry)
            }
          } else if (step.kind === 'leave' && inFlight > 0) {
            inFlight -= 1
            bulkhead.leave(0)
          } else if (step.kind === 'cancel' && queue.length > 0) {
            const [taken] = queue.splice(step.which % queue.length, 1)
            assert.equal(taken?.handle?.cancel(), true)
          } else if (step.kind === 'pass') {
            now += step.ms
            const late = queue.filter(({ at }) => at + 50 <= now).map(({ handle }) => handle)
            const expired = bulkhead.expire(now)
            assert.deepEqual(expired, late)
            done.push(...expired)
            queue = queue.filter(({ at }) => at + 50 > now)
          }
          assert.ok(bulkhead.inFlight <= maxConcurrentCalls)
          assert.equal(bulkhead.inFlight, inFlight)
          assert.equal(bulkhead.waiting, queue.length)
          assert.equal(bulkhead.nextDeadline(now), queue[0] === undefined ? null : queue[0].at + 50)
        }
        for (const handle of done) assert.equal(handle.cancel(), false)
      },
    ),
    { numRuns: 2000 },
  )
})
