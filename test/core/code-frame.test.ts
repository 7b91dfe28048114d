import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { codeFrame, positionAt } from '../../src/core/code-frame.ts'

test('two lines around the place and a marker under it', () => {
  const source = 'a\nb\nc\n\td: 1\ne\nf\ng\n'
  assert.equal(
    codeFrame(source, 4, 2),
    ['  2 | b', '  3 | c', '> 4 | \td: 1', '    | \t^', '  5 | e', '  6 | f'].join('\n'),
  )
})

test('a long line is cut around the marker', () => {
  const frame = codeFrame(`${'x'.repeat(5000)}!${'y'.repeat(5000)}`, 1, 5001)
  const [code = '', marker = ''] = frame.split('\n')
  assert.ok(code.length < 140)
  assert.equal(code[marker.indexOf('^')], '!')
})

test('a place outside the text has no frame', () => {
  assert.equal(codeFrame('a\nb', 9, 1), '')
})

test('an offset is the line and column that splitting the text gives', () => {
  const text = fc.string({ unit: fc.constantFrom('a', '\n', '\r', 'é'), maxLength: 30 })
  fc.assert(
    fc.property(text, fc.nat(40), (source, offset) => {
      const before = source.slice(0, offset).split('\n')
      assert.deepEqual(positionAt(source, offset), {
        line: before.length,
        column: (before.at(-1)?.length ?? 0) + 1,
      })
    }),
  )
})
