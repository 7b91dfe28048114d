import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { canonicalPath, otherTrailingSlash } from '../../../src/core/router/path.ts'

const canonical: readonly (readonly [string, string])[] = [
  ['/', '/'],
  ['/?', '/'],
  ['/a/b?x=/../%zz#y', '/a/b'],
  ['/a//b///c', '/a/b/c'],
  ['//a', '/a'],
  ['/a/', '/a/'],
  ['/a//', '/a/'],
  ['/a/./b', '/a/b'],
  ['/a/.', '/a/'],
  ['/a/..', '/'],
  ['/a/b/..', '/a/'],
  ['/a/b/../c', '/a/c'],
  ['/../../a', '/a'],
  ['/a//../b', '/b'],
  ['/a/%2e%2E/b', '/b'],
  ['/a/.%2e/b', '/b'],
  ['/a/...', '/a/...'],
  ['/.env', '/.env'],
  ['/%61%62%7E%2d', '/ab~-'],
  ['/%3a%40%2b', '/%3A%40%2B'],
  ["/:@!$&'()*+,;=", "/:@!$&'()*+,;="],
  ['/a b"<>^`{|}', '/a%20b%22%3C%3E%5E%60%7B%7C%7D'],
  ['/%252e%252e/%2561', '/%252e%252e/%2561'],
  ['/caf%c3%a9', '/caf%C3%A9'],
  ['/caf\u00c3\u00a9', '/caf%C3%A9'],
  ['/caf%C3\u00a9', '/caf%C3%A9'],
  ['/\u20ac\ud83d\ude00', '/%E2%82%AC%F0%9F%98%80'],
  ['/%0A%7f', '/%0A%7F'],
]
for (const [target, path] of canonical) {
  test(`${JSON.stringify(target)} is ${path}`, () => {
    assert.deepEqual(canonicalPath(target), { path, fault: null })
  })
}

const invalid: readonly (readonly [string, string])[] = [
  ['', 'not-absolute'],
  ['*', 'not-absolute'],
  ['?a', 'not-absolute'],
  ['http://h/a', 'not-absolute'],
  ['/%', 'bad-escape'],
  ['/%4', 'bad-escape'],
  ['/%4?1', 'bad-escape'],
  ['/%g0', 'bad-escape'],
  ['/%%341', 'bad-escape'],
  ['/%00', 'nul'],
  ['/a\0', 'nul'],
  ['/\r\n', 'control-character'],
  ['/\u007f', 'control-character'],
  ['/a\\b', 'backslash'],
  ['/a%5Cb', 'encoded-backslash'],
  ['/a%5cb', 'encoded-backslash'],
  ['/a%2Fb', 'encoded-slash'],
  ['/a%2fb', 'encoded-slash'],
  ['/a#b', 'fragment'],
  ['/%ff', 'not-utf8'],
  ['/%C0%AF', 'not-utf8'],
  ['/%ED%A0%80', 'not-utf8'],
  ['/%C3/%A9', 'not-utf8'],
  ['/\u00e9', 'not-utf8'],
  ['/\ud800', 'not-utf8'],
]
for (const [target, fault] of invalid) {
  test(`${JSON.stringify(target)} has no canonical path: ${fault}`, () => {
    assert.deepEqual(canonicalPath(target), { path: null, fault })
  })
}

test('%2F can be kept as a character of a segment; it never separates', () => {
  const keep = (target: string) => canonicalPath(target, { encodedSlash: 'keep' }).path
  assert.equal(keep('/a%2fb/../c'), '/c')
  assert.equal(keep('/..%2f..%2Fetc'), '/..%2F..%2Fetc')
  assert.equal(keep('/a%5Cb'), null)
})

const piece = fc.constantFrom(
  'a',
  'B',
  '.',
  '..',
  '/',
  '//',
  '%2e',
  '%41',
  '%c3%a9',
  '%7c',
  '|',
  ' ',
  '\u00c3\u00a9',
  '%25',
  '%2f',
  '?',
)
test('a canonical path is its own, decodes to what was asked for, and has nothing to resolve', () => {
  fc.assert(
    fc.property(
      fc.array(piece),
      fc.constantFrom('reject' as const, 'keep' as const),
      (pieces, encodedSlash) => {
        const target = `/${pieces.join('')}`
        const { path } = canonicalPath(target, { encodedSlash })
        if (path === null) return
        assert.deepEqual(canonicalPath(path, { encodedSlash }), { path, fault: null })
        assert.match(path, /^\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-F]{2})*$/)
        assert.doesNotMatch(
          path,
          /\/\/|\/\.{1,2}(?:\/|$)|%(?:4[1-9A-F]|5[0-9A]|6[1-9A-F]|7[0-9AE]|3[0-9]|2[DE]|5F)/,
        )
        const bare = pieces.join('').split('?')[0] ?? ''
        if (!/(^|\/)(\.|%2e)/.test(bare) && !bare.includes('..')) {
          const bytes = Buffer.from(`/${bare}`, 'latin1').toString('latin1').replaceAll(/\/+/g, '/')
          const asked = decodeURIComponent(escapeBytes(bytes))
          assert.equal(decodeURIComponent(path), asked)
        }
      },
    ),
    { numRuns: 2000 },
  )
})

const escapeBytes = (text: string): string =>
  text.replaceAll(/[\u0080-\u00ff]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)

test('the other trailing slash', () => {
  assert.equal(otherTrailingSlash('/'), undefined)
  assert.equal(otherTrailingSlash('/a'), '/a/')
  assert.equal(otherTrailingSlash('/a/b/'), '/a/b')
})
