import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freeSlabs, giveBack, lend, putInFront } from '../../../src/gateway/upstream/slabs.ts'

test('a buffer that was given back is lent again, and not before', () => {
  const first = lend(50_000)
  const second = lend(50_000)
  assert.equal(first.length, 50_000)
  assert.notEqual(first.buffer, second.buffer)
  giveBack(first)
  assert.equal(lend(60_000).buffer, first.buffer)
  assert.notEqual(lend(60_000).buffer, first.buffer)
})

test('what was given back twice, or never lent, is lent to nobody', () => {
  const one = lend(20_000)
  giveBack(one)
  giveBack(one)
  assert.notEqual(lend(20_000).buffer, lend(20_000).buffer)
  const free = freeSlabs()
  giveBack(Buffer.allocUnsafeSlow(32_768))
  giveBack(lend(100))
  giveBack(lend(1_000_000))
  assert.equal(freeSlabs(), free)
})

test('as many are kept as a busy turn needs, whatever is given back', () => {
  const all = Array.from({ length: 500 }, () => lend(130_000))
  for (const one of all) giveBack(one)
  assert.ok(freeSlabs() <= 96)
})

test('a head is put in front of bytes that were lent, where there is room for it', () => {
  const lentOne = lend(65_536).fill('b')
  const head = 'h\u00e9ad\r\n\r\n'
  const all = putInFront(head, lentOne)!
  assert.equal(Buffer.from(all).toString('latin1'), head + 'b'.repeat(65_536))
  assert.equal(all.buffer, lentOne.buffer)
  assert.equal(putInFront('', lentOne), lentOne)
  assert.equal(putInFront('x'.repeat(1_024), lentOne)?.length, 66_560)
  assert.equal(putInFront('x'.repeat(1_025), lentOne), null)
  // What was not lent may have something of others in front.
  assert.equal(putInFront(head, Buffer.alloc(70_000).subarray(1_024)), null)
  giveBack(all)
  assert.equal(putInFront(head, lentOne), null, 'it is nobody any more')
  assert.equal(lend(65_536).buffer, lentOne.buffer)
})
