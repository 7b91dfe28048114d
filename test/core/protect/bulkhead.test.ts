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

const relief = { maxConcurrentCalls: 1, maxWaitDuration: 100, maxWaitingCalls: 8 }

test('once somebody was turned away, the newest is next, and the line is short', () => {
  const bulkhead = createBulkhead(relief, 'relief')
  const resumed: string[] = []
  bulkhead.tryEnter()
  for (let at = 0; at < 8; at += 1) bulkhead.wait(at, () => resumed.push(`early ${at}`))
  bulkhead.leave(9)
  assert.deepEqual(resumed, ['early 0'])
  bulkhead.wait(10, () => resumed.push('early 8'))
  assert.equal(bulkhead.wait(10, never), null)
  bulkhead.leave(11)
  assert.deepEqual(resumed, ['early 0', 'early 8'])
  // Five of a hundred ms are left; who came before that has waited long enough.
  assert.equal(bulkhead.nextDeadline(12), 6)
  assert.equal(bulkhead.expire(12).length, 7)
  assert.notEqual(
    bulkhead.wait(13, () => resumed.push('late')),
    null,
  )
  // One of eight places in the line is left.
  assert.equal(bulkhead.wait(14, never), null)
  bulkhead.leave(15)
  assert.deepEqual(resumed.slice(2), ['late'])
  // Nobody was turned away for as long as one may wait.
  bulkhead.wait(114, () => resumed.push('first'))
  bulkhead.wait(115, () => resumed.push('second'))
  bulkhead.leave(116)
  assert.equal(resumed.at(-1), 'first')
})

test('who waited in vain is a sign as well', () => {
  const bulkhead = createBulkhead(relief, 'relief')
  const resumed: string[] = []
  bulkhead.tryEnter()
  bulkhead.wait(0, never)
  assert.equal(bulkhead.expire(99).length, 0)
  assert.equal(bulkhead.expire(100).length, 1)
  bulkhead.wait(101, () => resumed.push('only'))
  assert.equal(bulkhead.wait(101, never), null)
})

test('a place that is made free goes to nobody before it is handed on, and never beyond the limit', () => {
  const bulkhead = createBulkhead({ ...relief, maxConcurrentCalls: 2 })
  const resumed: string[] = []
  bulkhead.tryEnter()
  bulkhead.tryEnter()
  bulkhead.enterAnyway()
  for (const name of ['a', 'b', 'c']) bulkhead.wait(0, () => resumed.push(name))
  bulkhead.free()
  assert.equal(bulkhead.handOn(1), false)
  bulkhead.free()
  assert.deepEqual([bulkhead.inFlight, resumed.length], [1, 0])
  assert.deepEqual([bulkhead.handOn(1), bulkhead.handOn(1)], [true, false])
  bulkhead.update({ ...relief, maxConcurrentCalls: 3 })
  assert.deepEqual([bulkhead.handOn(2), bulkhead.handOn(2)], [true, false])
  bulkhead.update(relief)
  bulkhead.leave(3)
  bulkhead.leave(3)
  assert.deepEqual([bulkhead.inFlight, bulkhead.waiting, resumed], [1, 1, ['a', 'b']])
  bulkhead.leave(3)
  assert.deepEqual([bulkhead.inFlight, bulkhead.waiting, resumed], [1, 0, ['a', 'b', 'c']])
})

/** Arrivals that do not wait for answers, through a bulkhead, in simulated time. Ms that the served waited, in order. */
function overload(order: 'oldest' | 'relief', perPlace: number): { waits: number[]; shed: number } {
  const serviceMs = 20
  const places = 10
  const bulkhead = createBulkhead(
    { maxConcurrentCalls: places, maxWaitDuration: 200, maxWaitingCalls: 128 },
    order,
  )
  const waits: number[] = []
  const leaving: number[] = []
  let shed = 0
  let credit = 0
  let clock = 0
  for (let now = 0; now < 10_000; now += 1) {
    clock = now
    while (leaving.length > 0 && leaving[0]! <= now) {
      leaving.shift()
      bulkhead.leave(now)
    }
    shed += bulkhead.expire(now).length
    credit += (places / serviceMs) * perPlace
    for (; credit >= 1; credit -= 1) {
      const cameAt = now
      const serve = (): void => {
        waits.push(clock - cameAt)
        leaving.push(clock + serviceMs)
      }
      if (bulkhead.tryEnter()) serve()
      else if (bulkhead.wait(now, serve) === null) shed += 1
    }
  }
  assert.ok(bulkhead.inFlight <= places && bulkhead.waiting <= 128)
  return { waits, shed }
}

test('three times as many as there is room for: the relief serves as many, and at once', () => {
  const served = 10_000 / 2
  const calm = overload('relief', 0.9)
  assert.deepEqual([calm.shed, Math.max(...calm.waits)], [0, 0])
  for (const order of ['oldest', 'relief'] as const) {
    const { waits, shed } = overload(order, 3)
    const late = waits.slice(waits.length / 10).toSorted((left, right) => left - right)
    const slow = late[Math.floor(late.length * 0.99)]!
    assert.ok(waits.length >= 0.98 * served, `${order} served ${waits.length}`)
    assert.ok(shed > 1.8 * served, `${order} shed ${shed}`)
    if (order === 'relief') assert.ok(slow <= 10, `${slow} ms`)
    else assert.ok(slow >= 190, `${slow} ms`)
  }
})
