import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createNames, logLine, longestLine, plainFields } from '../../src/core/log-json.ts'
import type { LogFields } from '../../src/core/logger.ts'

const head = {
  timestamp: 1,
  level: 'info',
  service: '"turnout"',
  traceId: '0af7651916cd43dd8448eb211c80319c',
}
const names = createNames(['pin'])

const lineOf = (fields: LogFields, message = 'm'): string => logLine(head, message, fields, names)
const read = (fields: LogFields): Record<string, unknown> => {
  const {
    timestamp: _,
    level: _l,
    service_name: _s,
    trace_id: _t,
    message: _m,
    ...rest
  } = JSON.parse(lineOf(fields)) as Record<string, unknown>
  return rest
}

test('a line is its head, then its fields, on one line', () => {
  assert.equal(
    lineOf({ route_id: 'users#GET /:id', count: 2, isThere: true, none: null }, 'a\nb'),
    '{"timestamp":1,"level":"info","service_name":"turnout","trace_id":"0af7651916cd43dd8448eb211c80319c"' +
      ',"message":"a\\nb","route_id":"users#GET /:id","count":2,"isThere":true,"none":null}\n',
  )
})

test('a trace id of the call stands in for that of the process; none that is no such id', () => {
  const own = 'f'.repeat(32)
  assert.match(lineOf({ trace_id: own }), new RegExp(`"trace_id":"${own}","message"`))
  assert.match(lineOf({ trace_id: 'F' }), /"trace_id":"0af7.+"field_trace_id":"F"/)
})

const secrets: readonly string[] = [
  'authorization',
  'Proxy-Authorization',
  'cookie',
  'Set-Cookie',
  'password',
  'userPassword',
  'accessToken',
  'refresh_token',
  'client-secret',
  'X-API-Key',
  'apiKey',
  'API_KEY',
  'private_key',
  'credentials',
  'pin',
]

test('values of fields that are named like secrets are left out, at any depth', () => {
  for (const name of secrets) {
    assert.deepEqual(read({ [name]: 'hush' }), { [name]: '[redacted]' }, name)
    assert.deepEqual(read({ data: { a: [{ [name]: { deep: 'hush' } }] } }), {
      data: { a: [{ [name]: '[redacted]' }] },
    })
    const error = Object.assign(new Error('x'), { [name]: 'hush' })
    assert.doesNotMatch(lineOf({ data: { error } }), /hush/)
    assert.doesNotMatch(lineOf({ data: new Map([[name, 'hush']]) }), /hush/)
    assert.doesNotMatch(lineOf({ data: { toJSON: () => ({ [name]: 'hush' }) } }), /hush/)
  }
  assert.deepEqual(read({ author: 'a', key: 'b', message_id: 'c' }), {
    author: 'a',
    key: 'b',
    message_id: 'c',
  })
})

test('users and passwords are cut out of addresses, in every text', () => {
  const address = 'redis://user:hush@db:6379/0'
  for (const fields of [
    { a: address },
    { a: `cannot reach ${address}, nor https://x:hush@y` },
    { a: { b: [new URL('https://x:hush@y/')] } },
    { error: new Error(address) },
    { a: `${'x'.repeat(8_150)} ${address}` },
  ])
    assert.doesNotMatch(lineOf(fields), /hush/)
  assert.doesNotMatch(lineOf({}, address), /hush/)
  assert.deepEqual(read({ a: 'a@b.test, http://h/p@q' }), { a: 'a@b.test, http://h/p@q' })
})

const circular: Record<string, unknown> = { a: 1 }
circular['self'] = circular

const values: readonly [string, unknown, unknown][] = [
  ['a cycle', circular, { a: 1, self: '[circular]' }],
  ['a big integer', 10n, '10'],
  ['no number', Number.NaN, 'NaN'],
  ['an infinite one', -Infinity, '-Infinity'],
  ['a symbol', Symbol('s'), 'Symbol(s)'],
  ['a function', () => 1, '[function]'],
  ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
  ['no date', new Date(Number.NaN), null],
  ['bytes', new Uint8Array(3), '[3 bytes]'],
  ['a map', new Map([['a', 1]]), { a: 1 }],
  ['a set', new Set([1, 2]), [1, 2]],
  ['nothing in a list', [undefined, null], [null, null]],
  ['text that is no text', '\ud800', '\ud800'],
  [
    'seven objects in each other',
    { a: { b: { c: { d: { e: { f: { g: 1 } } } } } } },
    { a: { b: { c: { d: { e: { f: '[deep]' } } } } } },
  ],
]
for (const [name, value, expected] of values)
  test(`a field may be ${name}`, () => {
    assert.deepEqual(read({ value })['value'], expected)
  })

test('what throws when it is read is said to, and the rest stays', () => {
  const throws = (): never => {
    throw new Error('no')
  }
  const getter = Object.defineProperty({ a: 1 }, 'b', { get: throws, enumerable: true })
  assert.deepEqual(read({ getter, c: 2 }), { getter: { a: 1, b: '[unreadable]' }, c: 2 })
  assert.deepEqual(read({ a: { toJSON: throws }, b: new Proxy({}, { ownKeys: throws }) }), {
    a: '[unreadable]',
    b: '[unreadable]',
  })
  assert.deepEqual(read(new Proxy({}, { ownKeys: throws })), { log_failure: true })
})

test('a line has an end, and says that something of it was cut', () => {
  const wide = Object.fromEntries(
    Array.from({ length: 1_000 }, (_, at) => [`k${at}`, 'x'.repeat(100)]),
  )
  const deep = (levels: number): unknown =>
    levels === 0 ? 'x'.repeat(100) : Array.from({ length: 20 }, () => deep(levels - 1))
  for (const data of [
    'x'.repeat(1_000_000),
    '\u0001'.repeat(1_000_000),
    wide,
    Array.from({ length: 10_000 }, () => 'x'),
    deep(4),
    { ['k'.repeat(100_000)]: 1, more: 'x'.repeat(20_000) },
  ]) {
    const line = lineOf({ data })
    assert.ok(line.length <= longestLine, String(line.length))
    assert.equal((JSON.parse(line) as Record<string, unknown>)['line_cut'], true)
  }
  assert.ok(lineOf({}, '"'.repeat(100_000)).length <= longestLine)
})

test('whatever the fields are, a line is one line of JSON with all of its head', () => {
  fc.assert(
    fc.property(fc.object({ withBigInt: true, withDate: true, withMap: true }), (fields) => {
      const line = lineOf(fields)
      assert.ok(line.length <= longestLine)
      assert.equal(line.indexOf('\n'), line.length - 1)
      assert.match(
        line,
        /^{"timestamp":1,"level":"info","service_name":"turnout","trace_id":"\w{32}","message":"m"/,
      )
      JSON.parse(line)
      JSON.stringify(plainFields(fields, names))
    }),
  )
})
