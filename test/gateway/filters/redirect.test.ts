import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reply } from '../../../src/gateway/reply.ts'
import { answers, around, codeOf, openExchange, type Said } from './support.ts'

const rest = (value: string): Said => ({ params: { rest: value }, pattern: '/old/*rest' })
const id = (value: string): Said => ({ params: { id: value }, pattern: '/old/:id' })

const locations: readonly (readonly [string, string, Said, string | null])[] = [
  ['a path', '/new', {}, '/new'],
  ['a URL', 'https://b.test/new', {}, 'https://b.test/new'],
  ['the query goes with it', '/new', { target: '/a?b=c' }, '/new?b=c'],
  ['its own query stays alone', '/new?own=1', { target: '/a?b=c' }, '/new?own=1'],
  ['a query stands before the fragment', '/new#top', { target: '/a?b=c' }, '/new?b=c#top'],
  ['a rest', 'https://b.test/{rest}', rest('a/b c'), 'https://b.test/a/b%20c'],
  ['what the author wrote is meant', 'https://b.test/a%2Fb/../c', {}, 'https://b.test/a%2Fb/../c'],
  ['a line break', '/new/{id}', id('a\r\nset-cookie: b'), '/new/a%0D%0Aset-cookie%3A%20b'],
  ['a query of a param', '/new/{id}', id('a?b'), '/new/a%3Fb'],
  ['a slash of a param', '/new/{id}', id('a/b'), '/new/a%2Fb'],
  ['not to another host', '/{rest}', rest('/evil.test'), null],
  [
    'not to another host by nothing',
    '/{rest}/{id}',
    { params: { rest: '', id: 'evil.test' } },
    null,
  ],
  ['not to another host by a backslash', '/{id}', id('\\evil.test'), '/%5Cevil.test'],
  [
    'not to another host of a name',
    'https://{id}.b.test/',
    id('evil.test/'),
    'https://evil.test%2F.b.test/',
  ],
  [
    'not to another host by a user',
    'https://b.test{id}',
    id('@evil.test'),
    'https://b.test%40evil.test',
  ],
  ['not out of its part', 'https://b.test/base/{rest}', rest('a/../../c'), null],
]

for (const [name, location, said, expected] of locations) {
  test(`redirect: ${name}`, () => {
    const target = answers(200)
    const handler = around({ kind: 'redirect', status: 308, location }, target)
    const reply = handler(openExchange(said).exchange) as Reply
    assert.equal(target.count, 0)
    if (expected === null) {
      assert.equal(reply.header('location'), undefined)
      assert.equal(codeOf(reply), 'TURNOUT_SENT_PATH_INVALID')
    } else assert.deepEqual([reply.status, reply.header('location')], [308, expected])
  })
}
