import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hashOf, ValueIndex } from '../../../src/core/route/value-index.ts'

test('it holds what a map holds, whatever the texts are', () => {
  // Few letters, so that texts come twice and are beginnings of each other.
  const text = fc.oneof(
    fc.string({ maxLength: 4, unit: fc.constantFrom('a', 'b', '\0') }),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.array(text, { maxLength: 200 }), fc.array(text), (added, others) => {
      const index = new ValueIndex<object>()
      const twin = new Map<string, object>()
      for (const one of added) {
        const value = { one }
        index.add(one, value)
        if (!twin.has(one)) twin.set(one, value)
        assert.equal(index.size, twin.size)
      }
      for (const one of [...added, ...others]) assert.equal(index.get(one), twin.get(one))
      index.clear()
      for (const one of added) assert.equal(index.get(one), undefined)
      assert.equal(index.size, 0)
    }),
  )
})

test('thousands of hosts are found, and no other', () => {
  const index = new ValueIndex<{ readonly at: number }>()
  const hosts = Array.from({ length: 20_000 }, (_, at) => `h${at}.test`)
  for (const [at, host] of hosts.entries()) index.add(host, { at })
  for (const [at, host] of hosts.entries()) assert.equal(index.get(host)?.at, at)
  assert.equal(index.get('h20000.test'), undefined)
  assert.equal(index.get('h1.test'.repeat(1_000)), undefined)
})

test('texts that were chosen to lie together are found as well', () => {
  const index = new ValueIndex<{ readonly at: number }>()
  const chosen: string[] = []
  for (let at = 0; chosen.length < 200; at += 1) {
    const text = `x${at}.test`
    if ((hashOf(text) & 1023) === 7) chosen.push(text)
  }
  const far = Array.from({ length: 400 }, (_, at) => `far${at}.test`)
  for (const [at, text] of [...chosen, ...far].entries()) {
    index.add(text, { at })
    assert.equal(index.size, at + 1)
  }
  for (const [at, text] of [...chosen, ...far].entries()) assert.equal(index.get(text)?.at, at)
  assert.equal(index.get('x.test'), undefined)
  index.clear()
  index.add('x1.test', { at: 1 })
  assert.equal(index.get('x1.test')?.at, 1)
  assert.equal(index.get(chosen[0]!), undefined)
})
