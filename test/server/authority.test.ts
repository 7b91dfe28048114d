import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isHost } from '../../src/server/authority.ts'

const takesAny = URL.canParse('http://xn--a/')

for (const [host, isOne] of [
  ['', true],
  ['a', true],
  ['a.test:8080', true],
  ['A.Test.:99999', false],
  ['a.test:65535', true],
  ['a.test:65536', false],
  // No name in another alphabet is written so. From Node 24 on, a URL takes it as it is.
  ['xn--a.test', takesAny],
  ['a.XN--a', takesAny],
  ['xn--bcher-kva.test', true],
  ['1.2.3.4', true],
  ['1.2.3.4.5', false],
  ['a.256', false],
  ['a.0x1g', true],
  ['a.0x1ffffffff', false],
  ['a..test', false],
  ['.test', false],
  ['a%2e.test', true],
  ['a%00.test', false],
  ['[::1]:80', true],
  ['[::g]', false],
  ['a.test/', false],
  ['a@b', false],
] as const)
  test(`${host} is ${isOne ? 'a' : 'no'} host`, () => assert.equal(isHost(host), isOne))

const pieces = fc.constantFrom(
  'a',
  'Z',
  '0',
  '9',
  '_',
  '~',
  '-',
  '.',
  ':',
  '%41',
  'xn--',
  '0x',
  '1',
)

test('a host is one that a URL takes too, however it is looked at', () => {
  const shape = /^(?:\w[\w.~%-]*|\[[\da-f:.]+\])(?::\d{0,5})?$/i
  let taken = 0
  fc.assert(
    fc.property(fc.array(pieces, { minLength: 1, maxLength: 9 }), (list) => {
      const host = list.join('')
      const expected = shape.test(host) && !host.includes('..') && URL.canParse(`http://${host}/`)
      if (expected) taken += 1
      assert.equal(isHost(host), expected, host)
    }),
    { numRuns: 20_000 },
  )
  assert.ok(taken > 1_000, `${taken} hosts`)
})
