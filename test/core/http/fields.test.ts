import assert from 'node:assert/strict'
import { test } from 'node:test'
import { property, assert as check, array, constantFrom, tuple } from 'fast-check'
import { cleanFields, endToEndFields } from '../../../src/core/http/fields.ts'

const flat = (text: string): string[] =>
  text
    .split('\n')
    .flatMap((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()])

const kept: readonly (readonly [what: string, given: string, left: readonly string[]])[] = [
  ['keep-alive', 'Connection: keep-alive\nA: 1', ['A', '1']],
  ['a named field', 'connection: x-a\nX-A: 1\nX-B: 2', ['X-B', '2']],
  ['two fields of names', 'Connection: x-a\nCONNECTION: , X-b,\nx-a: 1\nx-b: 2', []],
  ['a field that is not there', 'connection: x-a', []],
  ['close', 'Connection: close\nclose: 1', ['close', '1']],
  ['every field of the connection', 'te: trailers\nTrailer: x\nUpgrade: a\nKeep-Alive: 1', []],
  ['proxy fields', 'Proxy-Connection: a\nproxy-authorization: b\nProxy-Authenticate: c', []],
  ['framing', 'Content-Length: 1\nTransfer-Encoding: chunked\nExpect: 100-continue', []],
  ['names of the same length', 'user-agent: a\nreferer: b', ['user-agent', 'a', 'referer', 'b']],
  ['upgrade', 'Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: x', []],
]

for (const [what, given, left] of kept) {
  test(`end-to-end fields: ${what}`, () => assert.deepEqual(endToEndFields(flat(given)), left))
}

test('fields with nothing to remove are the same list', () => {
  const fields = flat('Host: a\nUser-Agent: b\nCookie: c')
  assert.equal(endToEndFields(fields), fields)
  assert.equal(cleanFields(fields), fields)
})

for (const name of [
  'host',
  'Content-Length',
  'authorization',
  'COOKIE',
  'X-Forwarded-For',
  'x-forwarded-anything',
  'x_forwarded_for',
  'forwarded',
  'x-real-ip',
  'X_Real-IP',
  'turnout-route',
]) {
  test(`Connection may not name ${name}`, () => {
    for (const value of [name, `close, ${name}`, `\t${name} ,x`]) {
      const found = endToEndFields(['Connection', value])
      assert.ok('code' in found)
      assert.equal(found.code, 'TURNOUT_CONNECTION_INVALID')
    }
    assert.ok('code' in endToEndFields(['connection', 'close', 'connection', name]))
  })
}

test('names with "_" are dropped, and nothing else', () => {
  assert.deepEqual(cleanFields(flat('a_b: 1\nc: 2\n_: 3\nd-e: 4_5')), ['c', '2', 'd-e', '4_5'])
})

test('what is left names nothing of the connection, is in order, and stays as it is', () => {
  const name = constantFrom('Connection', 'TE', 'x-a', 'X-B', 'upgrade', 'accept', 'Keep-Alive')
  const value = constantFrom('x-a', 'X-B', 'close', 'a, x-a', '', 'keep-alive')
  check(
    property(array(tuple(name, value)), (pairs) => {
      const given = pairs.flat()
      const left = endToEndFields(given)
      assert.ok(!('code' in left))
      const gone = new Set(['connection', 'te', 'upgrade', 'keep-alive'])
      for (const [field, tokens] of pairs) {
        if (field !== 'Connection') continue
        for (const token of tokens.split(',')) gone.add(token.trim().toLowerCase())
      }
      assert.deepEqual(left, pairs.filter(([field]) => !gone.has(field.toLowerCase())).flat())
      assert.equal(endToEndFields(left), left)
    }),
  )
})
