import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AnswerCache, type Kept } from '../../../src/gateway/filters/answer-cache.ts'

const kept = (size: number, until = 1_000): Kept => ({
  status: 200,
  headers: [],
  body: Buffer.alloc(size),
  bornAt: 0,
  until,
})

test('it never holds more bytes than it may, and what was not asked for the longest goes', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.constantFrom('get', 'set', 'delete', 'come'), fc.nat(12), fc.nat(3_000)),
        { maxLength: 200 },
      ),
      (steps) => {
        const most = 16_384
        const cache = new AnswerCache(most)
        // The same, said in the simplest way: keys from the oldest to the newest.
        let twin: (readonly [string, number])[] = []
        const cost = (key: string, size: number): number => 512 + key.length * 2 + size
        const sum = (): number => twin.reduce((all, [, bytes]) => all + bytes, 0)
        for (const [step, number, size] of steps) {
          const key = `k${number}`
          const known = twin.find(([one]) => one === key)
          const others = twin.filter(([one]) => one !== key)
          if (step === 'get') {
            assert.equal(cache.get(key, 0) !== null, known !== undefined)
            if (known !== undefined) twin = [...others, known]
          } else if (step === 'delete') {
            cache.delete(key)
            twin = others
          } else if (step === 'set') {
            cache.set(key, kept(size))
            twin = cost(key, size) > most / 4 ? others : [...others, [key, cost(key, size)]]
            while (sum() > most) twin.shift()
          } else if (cache.reserve(size)) {
            while (sum() + size > most) twin.shift()
            assert.ok(cache.bytes <= most)
            cache.release(size)
          }
          assert.deepEqual([cache.size, cache.bytes], [twin.length, sum()])
        }
      },
    ),
  )
})

test('an answer that has had its time is gone, and its bytes with it', () => {
  const cache = new AnswerCache(10_000)
  cache.set('a', kept(100, 5))
  assert.equal(cache.get('a', 4)?.status, 200)
  assert.equal(cache.get('a', 5), null)
  assert.deepEqual([cache.size, cache.bytes], [0, 0])
})
