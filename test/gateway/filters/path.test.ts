import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Filter } from '../../../src/core/route/filter.ts'
import { canonicalPath } from '../../../src/core/router/path.ts'
import { Reply } from '../../../src/gateway/reply.ts'
import { around, codeOf, openExchange, type Said } from './support.ts'

/** The path that is sent on, or the status that the request is refused with. */
function sent(filters: Filter | readonly Filter[], said: Said): string | number {
  const opened = openExchange(said)
  const handler = around(filters, () => new Reply(200, [], null))
  const reply = handler(opened.exchange) as Reply
  if (reply.status !== 200) assert.equal(codeOf(reply), 'TURNOUT_SENT_PATH_INVALID')
  return reply.status === 200 ? opened.outbound().path : reply.status
}

const strip = (parts: number): Filter => ({ kind: 'strip-prefix', parts })
const add = (prefix: string): Filter => ({ kind: 'add-prefix', prefix })
const set = (template: string): Filter => ({ kind: 'set-path', template })
const rewrite = (pattern: string, replacement: string): Filter => ({
  kind: 'rewrite-path',
  pattern,
  replacement,
})

const paths: readonly (readonly [string, Filter | readonly Filter[], string, string | number])[] = [
  ['strip one segment', strip(1), '/a/b/c', '/b/c'],
  ['strip several', strip(2), '/a/b/c', '/c'],
  ['strip all', strip(3), '/a/b/c', '/'],
  ['strip more than there are', strip(9), '/a/b', '/'],
  ['strip of the root', strip(1), '/', '/'],
  ['strip keeps a trailing slash', strip(1), '/a/b/', '/b/'],
  ['strip of one with a trailing slash', strip(1), '/a/', '/'],
  ['strip does not decode', strip(1), '/a%20b/c%20d', '/c%20d'],
  ['add', add('/v1'), '/a', '/v1/a'],
  ['add before the root', add('/v1'), '/', '/v1/'],
  ['add after strip', [strip(1), add('/v2')], '/v1/a', '/v2/a'],
  ['strip after add', [add('/v2'), strip(1)], '/v1/a', '/v1/a'],
  ['set', set('/fixed'), '/a', '/fixed'],
  ['rewrite by number', rewrite('^/a/(.*)', '/b/$1'), '/a/x/y', '/b/x/y'],
  ['rewrite by name', rewrite('/(?<rest>.*)', '/b/${rest}'), '/x/y', '/b/x/y'],
  ['rewrite every match', rewrite('a', 'b'), '/aa/ca', '/bb/cb'],
  ['rewrite of nothing', rewrite('^/z', '/y'), '/a', '/a'],
  ['rewrite with a match at its end only', rewrite('$', '/end'), '/a', '/a/end'],
  ['rewrite to nothing', rewrite('^/a(?:/|$)', ''), '/a', 400],
  ['a group that took nothing', rewrite('^/a(/b)?', '/c$1'), '/a', '/c'],
  ['a dollar sign', rewrite('^/a', '/$$1'), '/a', '/$1'],
  ['empty segments are one', rewrite('^/a', '/a//b/'), '/a/c', '/a/b/c'],
  ['escapes get their one spelling', rewrite('^/a', '/%7e%c3%a9'), '/a', '/~%C3%A9'],
  ['a dot segment from a group', rewrite('^/a/(.*)z$', '/base/$1'), '/a/..z', 400],
  ['one dot from a group', rewrite('^/a/(.*)z$', '/base/$1/x'), '/a/.z', 400],
  ['an escaped dot segment', rewrite('^/a', '/base/%2E./'), '/a', 400],
  ['a dot segment before more', rewrite('x', '..'), '/base/x/y', 400],
  ['an escaped slash that was not there', rewrite('^/a', '/a%2fb'), '/a', 400],
  ['an escaped slash put together', rewrite('^/a/(.*)', '/%2$1'), '/a/F', 400],
  ['an escaped slash that was let through', rewrite('^/a', '/b'), '/a/x%2Fy', '/b/x%2Fy'],
  ['an escaped backslash', rewrite('^/a', '/%5c'), '/a', 400],
  ['a bad escape', rewrite('%20', '%'), '/a%20b', 400],
  ['half a character', rewrite('%A9', ''), '/%C3%A9', 400],
  ['a line break', rewrite('^/a', '/b\r\nx: y'), '/a', 400],
  ['NUL', rewrite('^/a', '/%00'), '/a', 400],
  ['a query', rewrite('^/a', '/b?admin=1'), '/a', 400],
  ['a fragment', rewrite('^/a', '/b#c'), '/a', 400],
  ['another host', rewrite('^/', '//evil.test/'), '/a', '/evil.test/a'],
  ['no slash in front', rewrite('^/a', 'http://evil.test'), '/a', 400],
  ['longer than may be', rewrite('a', 'b'.repeat(2_000)), `/${'a'.repeat(2_000)}`, 400],
]

for (const [name, filters, target, expected] of paths) {
  test(`path: ${name}`, () => assert.equal(sent(filters, { target }), expected))
}

const params: readonly (readonly [string, string, string, string | number])[] = [
  ['plain', 'x', '/*path', '/base/x/end'],
  ['a line break', 'a\r\nx: y', '/:id', '/base/a%0D%0Ax%3A%20y/end'],
  ['a query', 'a?b=c', '/:id', '/base/a%3Fb%3Dc/end'],
  ['a fragment', 'a#b', '/:id', '/base/a%23b/end'],
  ['an escape', 'a%2e', '/:id', '/base/a%252e/end'],
  ['unicode', 'é😀', '/:id', '/base/%C3%A9%F0%9F%98%80/end'],
  ['a backslash is refused where none was let through', 'a\\b', '/:id', 400],
  ['a slash is refused where none was let through', 'a/b', '/:id', 400],
  ['a slash of the rest', 'a/b', '/*id', '/base/a/b/end'],
  ['an empty rest', '', '/*id', '/base/end'],
  ['dots', '..', '/:id', 400],
  ['dots of the rest', 'a/../../b', '/*id', 400],
]

for (const [name, id, pattern, expected] of params) {
  test(`path: a param in a template: ${name}`, () => {
    assert.equal(sent(set('/base/{id}/end'), { params: { id }, pattern }), expected)
  })
}

test('path: a slash that was let through stays a character of its segment', () => {
  const said = { target: '/a%2Fb', params: { id: 'a/b' }, pattern: '/:id' }
  assert.equal(sent(set('/base/{id}'), said), '/base/a%2Fb')
})

test('path: a rest keeps the spelling of its slashes, whatever it is', () => {
  const rests = [
    ['/x/a%2Fb/c%20d', 'a%2Fb/c d', '/base/a%2Fb/c%20d'],
    ['/x/a%252Fb/c', 'a%2Fb/c', '/base/a%252Fb/c'],
    ['/x/a%2F/', 'a%2F/', '/base/a%2F/'],
    ['/x/%2F%252F', '%2F%2F', '/base/%2F%252F'],
  ] as const
  for (const [target, rest, expected] of rests) {
    const said = { target, params: { rest }, pattern: '/x/*rest' }
    assert.equal(sent(set('/base/{rest}'), said), expected)
  }
})

test('path: a param that the pattern does not have is nothing', () => {
  assert.equal(sent(set('/base/{constructor}/x'), {}), '/base/x')
})

test('path: a rest without a name', () => {
  const said = { params: { '*': 'a/b' }, pattern: '/x/*' }
  assert.equal(sent(set('/base/{*}'), said), '/base/a/b')
})

test('path: whatever a param is, the path stays below its base and in its one spelling', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('.', '/', '%', '2', 'e', 'f', '?', '#', '\\', '\r', '\n') }),
  )
  fc.assert(
    fc.property(value, fc.constantFrom('/:id', '/*id'), (id, pattern) => {
      const path = sent(set('/base/{id}/x'), { params: { id }, pattern })
      if (typeof path === 'number') return
      assert.match(path, /^\/base\/[!-~]*$/)
      assert.ok(!path.includes('?') && !path.includes('#'))
      assert.equal(canonicalPath(path).path, path)
    }),
  )
})

test('path: an expression that others take for ever on ends', () => {
  const target = `/${'a'.repeat(8_190)}!`
  assert.equal(sent(rewrite('^/(a+)+$', '/b'), { target }), target)
  assert.equal(sent(rewrite('^/(a|a)*\\?$', '/b'), { target }), target)
})
