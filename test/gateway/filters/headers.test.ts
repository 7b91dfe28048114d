import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Filter } from '../../../src/core/route/filter.ts'
import { Reply } from '../../../src/gateway/reply.ts'
import { around, openExchange, valuesOf, type Said } from './support.ts'

const of = (kind: Filter['kind'], name: string, value?: string): Filter =>
  ({ kind, name, ...(value !== undefined && { value }) }) as Filter

const requests: readonly (readonly [string, Filter, readonly string[], readonly string[]])[] = [
  [
    'set replaces all, in any case',
    of('set-request-header', 'X-A', 'n'),
    ['x-a', '1', 'X-a', '2'],
    ['n'],
  ],
  ['set of one that is not there', of('set-request-header', 'x-a', 'n'), [], ['n']],
  ['add keeps what is there', of('add-request-header', 'X-A', 'n'), ['x-a', '1'], ['1', 'n']],
  [
    'remove takes all, in any case',
    of('remove-request-header', 'X-a'),
    ['x-A', '1', 'X-A', '2'],
    [],
  ],
  ['remove of one that is not there', of('remove-request-header', 'x-a'), [], []],
]

for (const [name, filter, headers, expected] of requests) {
  test(`request header: ${name}`, () => {
    const opened = openExchange({ headers: [...headers, 'x-other', 'stays'] })
    void around(filter)(opened.exchange)
    assert.deepEqual(valuesOf(opened.outbound().headers, 'x-a'), expected)
    assert.deepEqual(valuesOf(opened.outbound().headers, 'x-other'), ['stays'])
  })
}

const responses: readonly (readonly [string, Filter, readonly string[], readonly string[]])[] = [
  ['set replaces all', of('set-response-header', 'X-A', 'n'), ['x-a', '1', 'X-a', '2'], ['n']],
  ['add keeps what is there', of('add-response-header', 'x-a', 'n'), ['X-A', '1'], ['1', 'n']],
  ['remove takes all', of('remove-response-header', 'X-a'), ['x-A', '1', 'X-A', '2'], []],
]

for (const [name, filter, headers, expected] of responses) {
  test(`response header: ${name}`, () => {
    const target = (): Reply => new Reply(200, [...headers, 'x-other', 'stays'], null)
    const reply = around(filter, target)(openExchange().exchange) as Reply
    assert.deepEqual(valuesOf(reply.headers, 'x-a'), expected)
    assert.deepEqual(valuesOf(reply.headers, 'x-other'), ['stays'])
  })
}

const hosts: readonly (readonly [string, readonly Filter[], string | null])[] = [
  ['is the endpoint’s own', [], null],
  ['of the client', [{ kind: 'preserve-host' }], 'gateway.test'],
  ['is set', [of('set-request-header', 'Host', 'a.test')], 'a.test'],
  ['is there once, where one is added', [of('add-request-header', 'HOST', 'a.test')], 'a.test'],
  [
    'is the endpoint’s own again, where it is removed',
    [{ kind: 'preserve-host' }, of('remove-request-header', 'host')],
    null,
  ],
  [
    'the last word holds',
    [of('set-request-header', 'host', 'a.test'), { kind: 'preserve-host' }],
    'gateway.test',
  ],
]

for (const [name, filters, expected] of hosts) {
  test(`request header: the host ${name}`, () => {
    const opened = openExchange()
    void around(filters)(opened.exchange)
    assert.equal(opened.outbound().host, expected)
    assert.deepEqual(valuesOf(opened.outbound().headers, 'host'), [])
  })
}

const values: readonly (readonly [string, string, string])[] = [
  ['plain', 'a b', 'a b'],
  ['a line break', 'a\r\nx-evil: 1', 'a%0D%0Ax-evil: 1'],
  ['a line feed alone', 'a\nb', 'a%0Ab'],
  ['NUL and DEL', '\0\x7f', '%00%7F'],
  ['a tab', 'a\tb', 'a%09b'],
  ['unicode', 'é😀', '%C3%A9%F0%9F%98%80'],
  ['a query, a fragment, a slash', '?#/', '?#/'],
]

for (const [name, id, expected] of values) {
  test(`header: a param in a value: ${name}`, () => {
    const said: Said = { params: { id } }
    const opened = openExchange(said)
    const filters = [
      of('set-request-header', 'x-a', 'id={id}'),
      of('set-response-header', 'x-a', 'id={id}'),
    ]
    const reply = around(filters)(opened.exchange) as Reply
    assert.deepEqual(valuesOf(opened.outbound().headers, 'x-a'), [`id=${expected}`])
    assert.deepEqual(valuesOf(reply.headers, 'x-a'), [`id=${expected}`])
  })
}

test('header: braces that are meant', () => {
  const opened = openExchange({ params: { id: '1' } })
  void around(of('set-request-header', 'x-a', '{{id}}'))(opened.exchange)
  assert.deepEqual(valuesOf(opened.outbound().headers, 'x-a'), ['{id}'])
})
