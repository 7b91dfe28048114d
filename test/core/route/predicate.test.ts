import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseAddress, parseBlock } from '../../../src/core/address.ts'
import type { Facts } from '../../../src/core/route/facts.ts'
import { parseHost } from '../../../src/core/route/host-pattern.ts'
import { compilePredicates } from '../../../src/core/route/predicate.ts'
import {
  areDisjoint,
  factsOf,
  isStricter,
  witnessOf,
} from '../../../src/core/route/predicate-overlap.ts'
import type { Predicate } from '../../../src/core/route/route.ts'
import { factsOfSeen, naive, predicate, seen } from './predicate-twin.ts'

const host = (...patterns: string[]): Predicate => ({ kind: 'host', patterns })
const valued =
  (kind: 'header' | 'query' | 'cookie') =>
  (name: string, equals: string | null = null, matches: string | null = null): Predicate => ({
    kind,
    name,
    equals,
    matches,
  })
const header = valued('header')
const query = valued('query')
const cookie = valued('cookie')
const time = (from: string | null, until: string | null): Predicate => ({
  kind: 'time',
  from,
  until,
})
const client = (trusted: number | null, ...sources: string[]): Predicate => ({
  kind: 'client',
  sources,
  trusted,
})

interface Request {
  readonly fields?: Readonly<Record<string, string>>
  readonly client?: string
  readonly target?: string
  readonly now?: number
}
const factsOfRequest = (request: Request): Facts => ({
  header: (name) => request.fields?.[name],
  remoteAddress: () => request.client,
  target: request.target ?? '/',
})

const at = (name: string): Request => ({ fields: { host: name } })
const target = (search: string): Request => ({ target: `/p?${search}` })
const cookies = (value: string): Request => ({ fields: { cookie: value } })
const from = (address: string, forwarded?: string): Request => ({
  client: address,
  fields: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
})
const noon = Date.parse('2026-01-01T12:00:00Z')

const cases: readonly (readonly [string, Predicate, Request, boolean])[] = [
  ['host in another case', host('api.Example.org'), at('API.example.ORG'), true],
  ['host with port', host('api.example.org'), at('api.example.org:8080'), true],
  ['host with a dot at its end', host('example.org'), at('example.org.:80'), true],
  ['pattern with a dot at its end', host('example.org.'), at('example.org'), true],
  ['another host', host('example.org'), at('example.com'), false],
  ['no host', host('**'), {}, false],
  ['a host of empty labels', host('**'), at('a..b'), false],
  ['a host of only a port', host('**'), at(':80'), false],
  ['IPv6 host', host('[::1]'), at('[::1]:8080'), true],
  ['any of several', host('a.org', '*.b.org'), at('x.b.org'), true],
  ['* is one label', host('*.b.org'), at('x.y.b.org'), false],
  ['* is not none', host('*.b.org'), at('b.org'), false],
  ['** is none', host('**.b.org'), at('b.org'), true],
  ['** is many', host('**.b.org'), at('x.y.b.org'), true],
  ['** in the middle', host('a.**.org'), at('a.org'), true],
  ['** in the middle takes many', host('a.**.org'), at('a.b.c.org'), true],
  ['** at the end', host('a.**'), at('a'), true],
  ['** alone', host('**'), at('a.b'), true],
  ['* in a label', host('api-*.org'), at('api-7.org'), true],
  ['? is one character', host('a?.org'), at('a.org'), false],
  ['{name} is one label', host('{sub}.b.org'), at('x.b.org'), true],
  ['a dot is a dot', host('a*.org'), at('abXorg'), false],
  ['header there', header('X-Canary'), { fields: { 'x-canary': '' } }, true],
  ['header not there', header('X-Canary'), {}, false],
  ['header equals', header('x', 'a'), { fields: { x: 'a' } }, true],
  ['header equals in another case', header('x', 'a'), { fields: { x: 'A' } }, false],
  ['a part of a header', header('x', null, 'a'), { fields: { x: 'ab' } }, false],
  ['header matches', header('x', null, '\\d+'), { fields: { x: '42' } }, true],
  ['longest value', header('x', null, 'a+'), { fields: { x: 'a'.repeat(8192) } }, true],
  ['too long a value', header('x', null, 'a+'), { fields: { x: 'a'.repeat(8193) } }, false],
  ['parameter there', query('a'), target('b=1&a'), true],
  ['parameter not there', query('a'), target('ab=1&b=a'), false],
  ['no query', query('a'), { target: '/a' }, false],
  ['the first of two values', query('a', '1'), target('a=1&a=2'), true],
  ['the second of two values', query('a', '2'), target('a=1&a=2'), false],
  ['decoded value', query('a', 'ü b+'), target('a=%C3%BC+b%2B'), true],
  ['decoded name', query('a b'), target('a%20b=1'), true],
  ['bad escapes stand for themselves', query('a', '%zz'), target('a=%zz'), true],
  ['a question mark in a name', query('?a', '+'), target('?a=%2B'), true],
  ['= in a value', query('a', 'b=c'), target('a=b=c'), true],
  ['cookie', cookie('a', '1'), cookies('b=2; a=1'), true],
  ['cookie without space', cookie('a', '1'), cookies('b=2;a=1'), true],
  ['cookie in quotes', cookie('a', 'x'), cookies('a="x"'), true],
  ['cookie of one quote', cookie('a', '"'), cookies('a="'), true],
  ['cookie name in another case', cookie('A'), cookies('a=1'), false],
  ['the second of two cookies', cookie('a', '2'), cookies('a=1; a=2'), false],
  ['a word that is no cookie', cookie('a'), cookies('a; b=1'), false],
  ['cookie value with =', cookie('a', 'b=c'), cookies('a=b=c'), true],
  ['cookies are not decoded', cookie('a', 'b c'), cookies('a=b%20c'), false],
  ['the first instant', time('2026-01-01T12:00:00Z', null), { now: noon }, true],
  ['before it', time('2026-01-01T12:00:00Z', null), { now: noon - 1 }, false],
  ['the last instant', time(null, '2026-01-01T12:00:00Z'), { now: noon }, false],
  ['before the last', time(null, '2026-01-01T12:00:00Z'), { now: noon - 1 }, true],
  ['client', client(null, '10.0.0.0/8'), from('10.1.2.3'), true],
  ['mapped client', client(null, '10.0.0.0/8'), from('::ffff:10.1.2.3'), true],
  ['mapped block', client(null, '::ffff:10.0.0.0/104'), from('10.1.2.3'), true],
  ['other client', client(null, '10.0.0.0/8', '::1'), from('11.1.2.3'), false],
  ['no version 4 in version 6', client(null, '::/0'), from('10.1.2.3'), false],
  ['any of version 6', client(null, '::/0'), from('fe80::1%eth0'), true],
  ['no client', client(null, '0.0.0.0/0', '::/0'), {}, false],
  ['forwarded', client(1, '10.0.0.1'), from('9.9.9.9', '1.1.1.1, 10.0.0.1'), true],
  ['forwarded twice', client(2, '1.1.1.1'), from('9.9.9.9', '1.1.1.1, 10.0.0.1'), true],
  ['fewer entries', client(3, '1.1.1.1'), from('9.9.9.9', '1.1.1.1,10.0.0.1'), true],
  ['not forwarded', client(1, '9.9.9.9'), from('9.9.9.9'), true],
  ['forwarded by nobody known', client(1, '0.0.0.0/0'), from('9.9.9.9', 'unknown'), false],
  ['forwarded with port', client(1, '10.0.0.1', '::1'), from('9.9.9.9', '[::1]:80'), true],
  ['forwarded and not asked', client(null, '10.0.0.1'), from('9.9.9.9', '10.0.0.1'), false],
]
for (const [name, one, request, expected] of cases) {
  test(`${name}: ${expected ? 'holds' : 'does not hold'}`, () => {
    assert.equal(compilePredicates([one])(factsOfRequest(request), request.now ?? 0), expected)
  })
}

test('no predicates always hold, several must all hold', () => {
  assert.equal(compilePredicates([])(factsOfRequest({}), 0), true)
  const both = compilePredicates([query('a'), query('b')])
  assert.equal(both(factsOfRequest(target('a&b')), 0), true)
  assert.equal(both(factsOfRequest(target('a')), 0), false)
})

const badHosts = ['', 'a..b', '.a', 'a:80', '{n:\\d+}.org', 'ü.org', 'a/b', 'a b', '{}.a', '{a.b}']
test('host patterns that cannot be honoured are refused with a reason', () => {
  for (const text of [...badHosts, 'a'.repeat(256), `${'*.'.repeat(60)}org`])
    assert.equal(typeof parseHost(text), 'string', text)
})

const badAddresses = [
  '',
  '1.2.3',
  '1.2.3.256',
  '01.2.3.4',
  '1:2',
  ':::',
  '1::2::3',
  '::1.2.3',
  'g::',
]
const badBlocks = [
  '1.2.3.4/33',
  '1.2.3.4/',
  '::/129',
  '::ffff:1.2.3.4/95',
  '1.2.3.4/8/8',
  'a',
  '/8',
]
test('what is no address or block is none', () => {
  for (const text of [...badAddresses, '1:2:3:4:5:6:7::8:9', '1:2:3:4:5:6:7:8::', '::%'])
    assert.equal(parseAddress(text), null, text)
  for (const text of [...badBlocks, 'fe80::1%eth0/64']) assert.equal(parseBlock(text), null, text)
  assert.deepEqual(parseAddress('1:2:3:4:5:6:7.8.9.10'), [1, 2, 3, 4, 5, 6, 0x708, 0x90a])
})

test('predicates hold where the naive twin says so', () => {
  let held = 0
  fc.assert(
    fc.property(fc.array(predicate, { maxLength: 3 }), seen, (predicates, request) => {
      const expected = naive(predicates, request)
      if (expected) held += 1
      assert.equal(compilePredicates(predicates)(factsOfSeen(request), request.now), expected)
    }),
    { numRuns: 4000 },
  )
  assert.ok(held > 500, `${held} held`)
})

test('disjoint predicates never hold for one request, and a witness holds for both', () => {
  let disjoint = 0
  let together = 0
  let witnesses = 0
  const list = fc.array(predicate, { minLength: 1, maxLength: 2 })
  fc.assert(
    fc.property(list, list, fc.array(seen, { minLength: 5, maxLength: 5 }), (left, right, all) => {
      const isDisjoint = areDisjoint(left, right)
      assert.equal(areDisjoint(right, left), isDisjoint)
      if (isDisjoint) disjoint += 1
      for (const request of all) {
        if (!naive(left, request) || !naive(right, request)) continue
        together += 1
        assert.equal(isDisjoint, false)
      }
      const witness = witnessOf(left, right)
      if (witness === null) return
      witnesses += 1
      assert.equal(isDisjoint, false)
      const now = witness.at === undefined ? 0 : Date.parse(witness.at)
      const both = compilePredicates([...left, ...right])
      assert.ok(both(factsOf(witness), now))
    }),
    { numRuns: 4000 },
  )
  const counts = `${disjoint} disjoint, ${together} together, ${witnesses} witnesses`
  assert.ok(disjoint > 200 && together > 200 && witnesses > 1000, counts)
})

const overlaps: readonly (readonly [string, Predicate, Predicate, boolean])[] = [
  ['two hosts', host('a.org'), host('b.org', 'c.org'), true],
  ['a host and its wildcard', host('a.b.org'), host('*.b.org'), false],
  ['a host and another wildcard', host('a.b.org'), host('*.c.org', 'x.*.org'), true],
  ['wildcards of two ends', host('**.org'), host('**.com'), true],
  ['wildcards that cross', host('a.**'), host('**.org'), false],
  ['two values of a header', header('X', 'a'), header('x', 'b'), true],
  ['values of two headers', header('x', 'a'), header('y', 'b'), false],
  ['two values of a parameter', query('x', 'a'), query('x', 'b'), true],
  ['a value and an expression', cookie('x', 'a'), cookie('x', null, 'b+'), true],
  ['a value and any', cookie('x', 'a'), cookie('x'), false],
  ['two expressions', header('x', null, '\\d+'), header('x', null, '[a-z]+'), true],
  ['expressions that take nothing', header('x', null, 'a*'), header('x', null, 'b*'), false],
  ['expressions of dots', header('x', null, '\\.'), header('x', null, '[.]'), false],
  ['expressions of backslashes', header('x', null, '\\\\'), header('x', null, '.'), false],
  ['what is not understood', header('x', null, '\\p{Greek}'), header('x', null, 'a'), false],
  [
    'windows that touch',
    time('2026-01-01T00:00:00Z', null),
    time(null, '2026-01-01T00:00:00Z'),
    true,
  ],
  [
    'windows that meet',
    time('2026-01-01T00:00:00Z', null),
    time(null, '2026-01-02T00:00:00Z'),
    false,
  ],
  ['two blocks', client(null, '10.0.0.0/8'), client(null, '11.0.0.0/8', '::/0'), true],
  ['a block in a block', client(null, '10.0.0.0/8'), client(null, '10.1.0.0/16'), false],
  ['blocks of two kinds of client', client(null, '10.0.0.0/8'), client(1, '11.0.0.0/8'), false],
  ['two things', header('x', 'a'), query('x', 'b'), false],
]
for (const [name, left, right, expected] of overlaps) {
  test(`${name}: ${expected ? 'disjoint' : 'may meet'}`, () => {
    assert.equal(areDisjoint([left], [right]), expected)
    assert.equal(areDisjoint([right], [query('other'), left]), expected)
  })
}

test('stricter means the same predicates and more', () => {
  const base = [host('a.org', 'b.org'), header('X', 'a')]
  const same = [header('x', 'a'), host('B.org', 'a.org')]
  assert.equal(isStricter([...base, query('q')], same), true)
  assert.equal(isStricter(base, same), false)
  assert.equal(isStricter(base, [...same, query('q')]), false)
  assert.equal(isStricter([host('a.org'), query('q')], same), false)
  assert.equal(isStricter(base, []), true)
  assert.equal(isStricter([], []), false)
})

test('a witness is a request that can be sent', () => {
  const left = [host('*.a.org'), header('X-Kind', null, '[a-c]+'), client(1, '10.0.0.0/8')]
  const right = [query('q', 'a b'), cookie('c', null, '\\d{3}'), time('2026-01-01T00:00:00Z', null)]
  assert.deepEqual(witnessOf(left, right), {
    host: 'a.a.org',
    headers: { 'x-kind': 'a', 'x-forwarded-for': '10.0.0.0' },
    query: { q: 'a b' },
    cookies: { c: '000' },
    at: '2026-01-01T00:00:00.000Z',
  })
  assert.equal(witnessOf([header('x', 'a')], [header('x', 'b')]), null)
  assert.equal(witnessOf([cookie('c', 'a;b')], []), null)
})
