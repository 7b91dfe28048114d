import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { maxPatternLength, parsePattern, shapeOf } from '../../../src/core/router/pattern.ts'

// One pattern per line of patterns.txt; `TURNOUT_GOLDEN=write` writes what each parses to beside it.
const golden = (name: string): string =>
  fileURLToPath(new URL(`../../../../test/golden/${name}`, import.meta.url))

const parsed = (text: string): object => {
  const { pattern, problems } = parsePattern(text)
  return pattern === null
    ? { text, problems: problems.map(({ message }) => message) }
    : { text, shape: shapeOf(pattern), runs: pattern.runs, edges: pattern.edges }
}

test('patterns parse as their golden file says', () => {
  const texts = readFileSync(golden('patterns.txt'), 'utf8').split('\n').slice(0, -1)
  const lines = `${texts.map((text) => JSON.stringify(parsed(text))).join('\n')}\n`
  if (process.env['TURNOUT_GOLDEN'] === 'write') writeFileSync(golden('patterns.jsonl'), lines)
  assert.equal(lines, readFileSync(golden('patterns.jsonl'), 'utf8'))
})

const reasons = (text: string): string =>
  parsePattern(text)
    .problems?.map(({ message }) => message)
    .join('\n') ?? ''

test('patterns that are too much are refused', () => {
  const params = (count: number) =>
    Array.from({ length: count }, (_, index) => `/:p${index}`).join('')
  assert.equal(reasons(params(32)), '')
  assert.match(reasons(params(33)), /more than 32 params/)
  assert.equal(reasons(`/${'a'.repeat(maxPatternLength - 1)}`), '')
  assert.match(reasons(`/${'a'.repeat(maxPatternLength)}`), /longer than/)
  assert.equal(reasons(`/:a(${'b'.repeat(256)})`), '')
  assert.match(reasons(`/:a(${'b'.repeat(257)})`), /at most 256/)
  assert.match(reasons('/:a((?:b{1000}){1}c{1000})'), /repeats too much/)
  assert.match(reasons('/\ud800'), /well-formed/)
  assert.match(reasons('/a\0'), /nul/)
})

test('every problem is reported at once', () => {
  assert.equal(reasons('/:/a:b//:x/:x').split('\n').length, 4)
})

test('a pattern of raw and of escaped text is the same place', () => {
  const shape = (text: string) => shapeOf(parsePattern(text).pattern!)
  assert.equal(shape('/caf\u00e9/%7Euser/a%7cb'), shape('/caf%c3%a9/~user/a|b'))
  assert.equal(shape('/users/:id'), shape('/users/:name'))
  assert.notEqual(shape('/users/:id(a)'), shape('/users/:id(b)'))
})
