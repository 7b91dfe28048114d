import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRoute } from '../../../src/core/route/parse.ts'

const refused: readonly (readonly [filter: unknown, problem: RegExp])[] = [
  ['LocalResponseCache=soon', /timeToLive is a duration like 30m, not "soon"/],
  ['LocalResponseCache=30m,much', /size is bytes or a size like 5MB, not "much"/],
  ['LocalResponseCache=30m,500TB', /size is bytes or a size like 5MB/],
  ['LocalResponseCache=30m,1MB,x', /LocalResponseCache has at most 2 arguments/],
  ['LocalResponseCache=0s', /timeToLiveMs is at least 1 ms/],
  ['LocalResponseCache=2d', /timeToLiveMs is 0 to 86400000/],
  ['LocalResponseCache=30m,9999GB', /maxBytes is 1024 to/],
  [{ name: 'LocalResponseCache', args: { ttl: '30m' } }, /has no argument "ttl"/],
]

test('arguments that LocalResponseCache does not take are refused, with what it takes', () => {
  for (const [filter, problem] of refused) {
    const { problems } = parseRoute(
      { id: 'a', uri: 'http://127.0.0.1:9001', predicates: ['Path=/a'], filters: [filter] },
      { owner: 'admin', pointer: '' },
    )
    assert.match(problems?.map(({ message }) => message).join() ?? '', problem)
  }
})

test('it stands once, and not in front of what decides or falls back', () => {
  const cache = { kind: 'response-cache' }
  const key = { kind: 'key-auth', clients: [{ name: 'a', secret: 'env:A' }] }
  const rows: readonly (readonly [readonly object[], RegExp | null])[] = [
    [[key, cache], null],
    [[{ kind: 'ip-filter', allow: ['10.0.0.1'] }, cache, { kind: 'retry' }], null],
    [[cache, cache], /\/filters\/1 .*a route has one filter of the kind response-cache/],
    [[cache, key], /\/filters\/1 .*key-auth stands before response-cache/],
    [[cache, { kind: 'module', module: 'a', name: 'b' }], /module stands before response-cache/],
    [[cache, { kind: 'fallback', respond: { status: 200 } }], /fallback stands before/],
    [[cache, { kind: 'ip-filter', deny: ['10.0.0.1'] }], /ip-filter stands before/],
  ]
  for (const [filters, problem] of rows) {
    const { problems } = parseRoute(
      { id: 'a', path: '/a', target: { upstream: 'u' }, filters },
      { owner: 'admin', pointer: '' },
    )
    const told = problems?.map(({ pointer, message }) => `${pointer} ${message}`).join() ?? ''
    if (problem === null) assert.equal(told, '')
    else assert.match(told, problem)
  }
})
