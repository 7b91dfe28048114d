import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileConstraint } from '../../../src/core/router/constraint.ts'
import { commonText, commonWord, someWords } from '../../../src/core/router/overlap-words.ts'

const accepts = (source: string, text: string): boolean => {
  const constraint = compileConstraint(source)
  assert.ok(typeof constraint !== 'string', source)
  return constraint.accepts(text)
}

const common = (source: string, other?: string): string => {
  const found = commonWord(source, other)
  return found.kind === 'word' ? `"${found.text}"` : found.kind
}

const pairs: readonly (readonly [string, string, string])[] = [
  ['\\d+', '[0-9a-f]+', '"0"'],
  ['\\d+', '[a-f]+', 'none'],
  ['\\d{4}', '\\d{1,3}', 'none'],
  ['\\d{4}', '.{2,}', '"0000"'],
  ['[a-z]+-v1', 'api-.*', '"api-v1"'],
  ['a(b|c)+d?', 'a.{3}', '"abbb"'],
  ['^new$', '[a-z]*', '"new"'],
  ['a^b', '.*', 'none'],
  ['a$b', '.*', 'none'],
  ['\\Aab\\z', 'a.', '"ab"'],
  ['(?i)new', 'NEW|old', '"NEW"'],
  ['(?i:n)ew', 'NEW', 'none'],
  ['a(?i)b', 'aB', '"aB"'],
  ['(?P<year>\\d{4})', '(?:19|20)\\d\\d', '"1900"'],
  ['[^a-z]', '[a-z~]', '"~"'],
  ['[[:alpha:]]', '[[:^lower:]]', '"A"'],
  ['[]a]', '[^b\\]]', '"a"'],
  ['[a\\-z]', '[b-z-]', '"z"'],
  ['\\x41|\\x{e9}', '\\W|é', '"é"'],
  ['\\S\\s', '.{2}', '"a "'],
  ['a{2}?b*?', '[ab]{3}', '"aab"'],
  ['x{,2}', 'x.*', '"x{,2}"'],
  ['x*', 'y*', 'none'],
  ['\\.*', '[.]{1,2}', 'none'],
  ['\\.*', '.*', '"..."'],
  ['\\.+a?', '[.a]{2}', '".a"'],
  ['.', '\\n', 'none'],
  ['(?s).', '\\n', '"\n"'],
  ['a/b', 'a.b', '"a/b"'],
  ['a[\\\\]b', '.*', 'none'],
  ['(?i)s', '\\x{17f}', '"\u017f"'],
  ['\\bab', 'ab', 'unknown'],
  ['\\p{Greek}+', 'a', 'unknown'],
  ['\\Qa.b\\E', '.*', 'unknown'],
  ['(?m)^a', '.*', 'unknown'],
  ['(?i)é', '.*', 'unknown'],
]
for (const [left, right, expected] of pairs) {
  test(`(${left}) and (${right}) have in common: ${expected}`, () => {
    assert.equal(common(left, right), expected)
    assert.equal(common(right, left), expected)
  })
}

const textPairs: readonly (readonly [string, string, string])[] = [
  ['a*', 'b*', '""'],
  ['\\.', '[.]', '"."'],
  ['\\\\', '.', '"\\"'],
  ['a?', '^$', '""'],
  ['[ a]', '[ b]', '" "'],
  ['[\\na]', '\\s', '"\n"'],
  ['a+', 'b+', 'none'],
  ['a^b', 'a^b', 'none'],
  ['\\p{Greek}', 'a', 'unknown'],
]
for (const [left, right, expected] of textPairs) {
  test(`as any text (${left}) and (${right}) have in common: ${expected}`, () => {
    const found = commonText(left, right)
    assert.equal(found.kind === 'word' ? `"${found.text}"` : found.kind, expected)
    assert.deepEqual(commonText(right, left), found)
  })
}

test('a search that grows past its bound cannot tell', () => {
  assert.equal(common('(?:a|b)*a(?:a|b){230}', '(?:a|b)*b(?:a|b){229}'), 'unknown')
})

const alphabet = ['a', 'b', '.']
const texts = ['']
for (let length = 0, from = 0; length < 4; length += 1) {
  const end = texts.length
  for (let at = from; at < end; at += 1) texts.push(...alphabet.map((char) => texts[at] + char))
  from = end
}
const segments = texts.filter((text) => !['', '.', '..'].includes(text))

/** Sources whose shortest words are short, so that the twin can list them. */
const { source } = fc.letrec<{ source: string; atom: string }>((tie) => ({
  atom: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(
      'a',
      'b',
      '\\.',
      '[ab]',
      '[^a]',
      '[^a-c]',
      '^',
      '$',
      '[.b]',
      'b?',
      'a*',
      '(?i)B',
    ),
    tie('source').map((inner) => `(${inner})`),
    tie('source').map((inner) => `(?:${inner})`),
  ),
  source: fc.oneof(
    { depthSize: 'small' },
    fc
      .array(
        fc.tuple(tie('atom'), fc.constantFrom('', '', '', '?', '*', '+', '{2}', '{0,1}', '{1,}')),
      )
      .map((list) =>
        list.map(([atom, count]) => (/[?*]$/.test(atom) ? atom : atom + count)).join(''),
      ),
    fc.tuple(tie('source'), tie('source')).map((both) => both.join('|')),
  ),
}))
const usable = source.filter(
  (text) => text.length < 24 && typeof compileConstraint(text) !== 'string',
)

test('a common word is accepted by both and shortest; where there is none, none of all short segments is', () => {
  let words = 0
  let nones = 0
  fc.assert(
    fc.property(usable, usable, (left, right) => {
      const found = commonWord(left, right)
      const both = segments.filter((text) => accepts(left, text) && accepts(right, text))
      assert.notEqual(found.kind, 'unknown')
      if (found.kind === 'word') {
        words += 1
        assert.ok(accepts(left, found.text) && accepts(right, found.text))
        const least = Math.min(...both.map(({ length }) => length))
        assert.ok(found.text.length <= least, `${found.text} is not shortest`)
      } else {
        nones += 1
        assert.deepEqual(both, [])
      }
    }),
    { numRuns: 150 },
  )
  assert.ok(words > 15 && nones > 15, `${words} words, ${nones} times none`)
})

test('segments for a constraint are all accepted, some are short and some long', () => {
  for (const [from] of pairs) {
    for (const text of someWords(from, 40) ?? []) assert.ok(accepts(from, text), `${from}: ${text}`)
  }
  const lengths = someWords('[a-z]+', 40)?.map(({ length }) => length) ?? []
  assert.ok(Math.min(...lengths) === 1 && Math.max(...lengths) > 64)
  assert.deepEqual(someWords('ab|cd', 40), ['ab', 'cd'])
  assert.deepEqual(someWords('a^b', 40), [])
  assert.equal(someWords('\\Qzz\\E', 40), null)
})
