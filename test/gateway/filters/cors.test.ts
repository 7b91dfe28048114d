import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CorsFilter } from '../../../src/core/route/filter.ts'
import { Reply } from '../../../src/gateway/reply.ts'
import { samples } from './samples.ts'
import { answers, around, openExchange, valuesOf } from './support.ts'

const cors = (settings: Partial<CorsFilter> = {}): CorsFilter => ({
  ...(samples.cors as CorsFilter),
  ...settings,
})

/** Fields of CORS by the rest of their names. */
const told = ({ headers }: Reply): Record<string, string> =>
  Object.fromEntries(
    headers.flatMap((name, at) =>
      at % 2 === 0 && name.startsWith('access-control-')
        ? [[name.slice(15), headers[at + 1]!]]
        : [],
    ),
  )

const ask = [
  'access-control-request-method',
  'PUT',
  'access-control-request-headers',
  'x-a,authorization',
]

const preflights: readonly (readonly [
  string,
  Partial<CorsFilter>,
  string,
  number,
  Record<string, string>,
])[] = [
  [
    'an origin that is listed',
    { methods: ['GET', 'PUT'], headers: ['x-a', 'x-b'] },
    'https://a.test',
    204,
    {
      'allow-origin': 'https://a.test',
      'allow-methods': 'GET, PUT',
      'allow-headers': 'x-a, x-b',
      'max-age': '60',
    },
  ],
  ['an origin that is not', {}, 'https://b.test', 403, {}],
  ['an origin that begins like one', {}, 'https://a.test.evil.test', 403, {}],
  ['another scheme', {}, 'http://a.test', 403, {}],
  ['the null origin', {}, 'null', 403, {}],
  [
    'the null origin of any',
    { origins: ['*'] },
    'null',
    204,
    { 'allow-origin': '*', 'allow-methods': 'GET', 'max-age': '60' },
  ],
  [
    'credentials',
    { credentials: true },
    'https://a.test',
    204,
    {
      'allow-origin': 'https://a.test',
      'allow-credentials': 'true',
      'allow-methods': 'GET',
      'max-age': '60',
    },
  ],
  [
    'no credentials of any origin',
    { origins: ['*'], credentials: true },
    'https://a.test',
    204,
    { 'allow-origin': '*', 'allow-methods': 'GET', 'max-age': '60' },
  ],
  [
    'any header and method, by name for Authorization',
    { methods: ['*'], headers: ['*'] },
    'https://a.test',
    204,
    {
      'allow-origin': 'https://a.test',
      'allow-methods': 'PUT',
      'allow-headers': 'x-a,authorization',
      'max-age': '60',
    },
  ],
]

for (const [name, settings, origin, status, expected] of preflights) {
  test(`cors: a preflight of ${name}`, () => {
    const target = answers(200)
    const said = { method: 'OPTIONS', headers: ['origin', origin, ...ask] }
    const reply = around(cors(settings), target)(openExchange(said).exchange) as Reply
    assert.equal(target.count, 0)
    assert.equal(reply.status, status)
    assert.deepEqual(told(reply), expected)
    assert.match(reply.header('vary')!, /^Origin, /)
  })
}

const notPreflights: readonly (readonly [string, string, readonly string[]])[] = [
  ['OPTIONS without a method that is asked for', 'OPTIONS', ['origin', 'https://a.test']],
  ['OPTIONS without an origin', 'OPTIONS', ask],
  ['another method', 'GET', ['origin', 'https://a.test', ...ask]],
]

for (const [name, method, headers] of notPreflights) {
  test(`cors: ${name} is no preflight`, () => {
    const target = answers(200)
    void around(cors(), target)(openExchange({ method, headers }).exchange)
    assert.equal(target.count, 1)
  })
}

const reads: readonly (readonly [
  string,
  Partial<CorsFilter>,
  string | null,
  Record<string, string>,
  string | undefined,
])[] = [
  ['a listed origin', {}, 'https://a.test', { 'allow-origin': 'https://a.test' }, 'Origin'],
  ['another origin', {}, 'https://b.test', {}, 'Origin'],
  ['the null origin', {}, 'null', {}, 'Origin'],
  ['no origin: what a cache keeps is not for all', {}, null, {}, 'Origin'],
  ['any origin', { origins: ['*'] }, 'https://b.test', { 'allow-origin': '*' }, undefined],
  [
    'any origin, where none is said: a cache may keep it',
    { origins: ['*'] },
    null,
    { 'allow-origin': '*' },
    undefined,
  ],
  [
    'any origin with credentials',
    { origins: ['*'], credentials: true },
    'https://b.test',
    { 'allow-origin': '*' },
    undefined,
  ],
  [
    'credentials',
    { credentials: true },
    'https://a.test',
    { 'allow-origin': 'https://a.test', 'allow-credentials': 'true' },
    'Origin',
  ],
  [
    'fields that pages may read',
    { exposed: ['x-a', 'x-b'] },
    'https://a.test',
    { 'allow-origin': 'https://a.test', 'expose-headers': 'x-a, x-b' },
    'Origin',
  ],
  ['fields, for nobody else', { exposed: ['x-a'] }, 'https://b.test', {}, 'Origin'],
]

for (const [name, settings, origin, expected, vary] of reads) {
  test(`cors: an answer to ${name}; what the upstream says of it does not count`, () => {
    const said = { headers: origin === null ? [] : ['origin', origin] }
    const target = (): Reply =>
      new Reply(
        200,
        [
          'Access-Control-Allow-Origin',
          'https://evil.test',
          'access-control-allow-credentials',
          'true',
          'x-a',
          '1',
        ],
        'ok',
      )
    const reply = around(cors(settings), target)(openExchange(said).exchange) as Reply
    assert.deepEqual(told(reply), expected)
    assert.equal(
      valuesOf(reply.headers, 'access-control-allow-origin').length,
      expected['allow-origin'] === undefined ? 0 : 1,
    )
    assert.equal(reply.header('vary'), vary)
    assert.deepEqual([reply.status, reply.body, reply.header('x-a')], [200, 'ok', '1'])
  })
}

const varies: readonly (readonly [readonly string[], string])[] = [
  [[], 'Origin'],
  [['vary', 'Accept'], 'Accept, Origin'],
  [
    ['Vary', 'Accept', 'vary', 'Cookie , Accept-Language'],
    'Accept, Cookie, Accept-Language, Origin',
  ],
  [['vary', 'Accept, ORIGIN'], 'Accept, ORIGIN'],
  [['vary', '*'], '*'],
  [['vary', ''], 'Origin'],
]

for (const [headers, expected] of varies) {
  test(`cors: ${JSON.stringify(headers)} becomes ${expected}`, () => {
    const target = (): Reply => new Reply(200, [...headers], null)
    const reply = around(cors(), target)(openExchange().exchange) as Reply
    assert.deepEqual(valuesOf(reply.headers, 'vary'), [expected])
  })
}
