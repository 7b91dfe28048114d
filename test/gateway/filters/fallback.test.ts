import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorCode } from '../../../src/core/errors.ts'
import type { Filter } from '../../../src/core/route/filter.ts'
import { Reply } from '../../../src/gateway/reply.ts'
import type { Handler } from '../../../src/gateway/snapshot.ts'
import { around, codeOf, openExchange, openOther, openUpstreams, type Said } from './support.ts'

type Fallback = Extract<Filter, { readonly kind: 'fallback' }>

const respond: Fallback['respond'] = {
  status: 200,
  headers: { 'x-from': 'static' },
  body: 'instead',
}
const statically: Fallback = { kind: 'fallback', respond, upstream: null }
const elsewhere: Fallback = { kind: 'fallback', respond: null, upstream: 'other' }
const both: Fallback = { kind: 'fallback', respond, upstream: 'other' }

const failed =
  (code: ErrorCode | null, status = 503): Handler =>
  (exchange) => {
    exchange.failure = code
    return new Reply(status, [], 'of the target')
  }

const cases: readonly (readonly [ErrorCode | null, number, boolean])[] = [
  [null, 200, false],
  [null, 500, false],
  [null, 503, false],
  ['TURNOUT_UPSTREAM_UNREACHABLE', 502, true],
  ['TURNOUT_UPSTREAM_TIMEOUT', 504, true],
  ['TURNOUT_UPSTREAM_EMPTY', 503, true],
  ['TURNOUT_UPSTREAM_GONE', 503, true],
  ['TURNOUT_BREAKER_OPEN', 503, true],
  ['TURNOUT_BULKHEAD_FULL', 503, true],
  ['TURNOUT_CLIENT_LEFT', 400, false],
  ['TURNOUT_BODY_TOO_LARGE', 413, false],
]

for (const [code, status, isReplaced] of cases) {
  test(`fallback: ${code ?? `an answer ${status}`} is ${isReplaced ? '' : 'not '}replaced`, async () => {
    const late: Handler = async (exchange) => failed(code, status)(exchange)
    for (const target of [failed(code, status), late]) {
      const { exchange } = openExchange({ method: 'POST', bodyLength: null })
      const reply = await around(statically, target)(exchange)
      assert.equal(reply.body, isReplaced ? 'instead' : 'of the target')
      assert.equal(exchange.failure, isReplaced ? null : code)
    }
  })
}

test('fallback: an exchange that was cut has had its answer', async () => {
  const { exchange } = openExchange()
  exchange.abort('test')
  const reply = await around(statically, failed('TURNOUT_UPSTREAM_CLOSED'))(exchange)
  assert.equal(reply.body, 'of the target')
})

const others: readonly (readonly [string, Fallback, Said, string])[] = [
  ['the other upstream is sent what the first was', elsewhere, { target: '/a?b=c' }, 'GET /a?b=c'],
  ['of both, the upstream comes first', both, { method: 'DELETE' }, 'DELETE /'],
  [
    'a request whose body is gone is not sent again',
    elsewhere,
    { method: 'POST', bodyLength: 3 },
    'of the target',
  ],
  [
    'it gets the static answer, where there is one',
    both,
    { method: 'POST', bodyLength: null },
    'instead',
  ],
]

for (const [name, filter, said, expected] of others) {
  test(`fallback: ${name}`, async (t) => {
    const asked: string[] = []
    const upstreams = await openOther(t, (request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers['x-inner'] ?? ''}`)
      response.end()
    })
    const inner: Filter = { kind: 'set-request-header', name: 'x-inner', value: 'a' }
    const opened = openExchange(said)
    const handler = around([filter, inner], failed('TURNOUT_UPSTREAM_CLOSED'), upstreams)
    const reply = await handler(opened.exchange)
    if (asked.length > 0) assert.deepEqual([reply.status, asked], [200, [`${expected} `]])
    else assert.equal(reply.body, expected)
  })
}

test('fallback: where the other upstream is not there either, the static answer stands', async () => {
  const target = failed('TURNOUT_UPSTREAM_CLOSED')
  const { exchange } = openExchange()
  const reply = await around(both, target, openUpstreams())(exchange)
  assert.equal(reply.body, 'instead')
  const last = await around(elsewhere, target, openUpstreams())(openExchange().exchange)
  assert.equal(codeOf(last), 'TURNOUT_UPSTREAM_GONE')
})
