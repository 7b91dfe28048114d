import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  formatTraceparent,
  isInShare,
  parseTraceparent,
  repairTracestate,
} from '../../../src/core/http/trace-context.ts'

const trace = '0af7651916cd43dd8448eb211c80319c'
const span = 'b7ad6b7169203331'
const good = `00-${trace}-${span}-01`
const parsed = { traceId: trace, parentId: span, flags: 1 }

const headers: readonly [string, string, ReturnType<typeof parseTraceparent>][] = [
  ['as the specification shows it', good, parsed],
  ['not sampled', `00-${trace}-${span}-00`, { ...parsed, flags: 0 }],
  ['with the random flag of level 2', `00-${trace}-${span}-03`, { ...parsed, flags: 3 }],
  ['with flags that mean nothing yet', `00-${trace}-${span}-ff`, { ...parsed, flags: 3 }],
  ['of a later version, as long as this one', `cc-${trace}-${span}-01`, parsed],
  ['of a later version, with more', `cc-${trace}-${span}-01-what-the-future`, parsed],
  ['of a later version, with a dash and nothing', `cc-${trace}-${span}-01-`, parsed],
  ['of a later version, with more that has no dash', `cc-${trace}-${span}-01.what`, null],
  ['of version ff', `ff-${trace}-${span}-01`, null],
  ['of this version, with more', `${good}-what`, null],
  ['of this version, with a dash at its end', `${good}-`, null],
  ['with a version in capitals', `CC-${trace}-${span}-01`, null],
  ['with a version of one digit', `0-${trace}-${span}-01`, null],
  ['with a version of three digits', `000-${trace}-${span}-01`, null],
  ['with a version that is no number', `.0-${trace}-${span}-01`, null],
  ['with a trace id in capitals', `00-${trace.toUpperCase()}-${span}-01`, null],
  ['with a trace id of zeros', `00-${'0'.repeat(32)}-${span}-01`, null],
  ['with a trace id too short', `00-${trace.slice(1)}-${span}-01`, null],
  ['with a trace id too long', `00-${trace}0-${span}-01`, null],
  ['with a trace id that is no number', `00-.${trace.slice(1)}-${span}-01`, null],
  ['with a parent id in capitals', `00-${trace}-${span.toUpperCase()}-01`, null],
  ['with a parent id of zeros', `00-${trace}-${'0'.repeat(16)}-01`, null],
  ['with a parent id too short', `00-${trace}-${span.slice(1)}-01`, null],
  ['with a parent id too long', `00-${trace}-${span}0-01`, null],
  ['with a parent id that is no number', `00-${trace}-.${span.slice(1)}-01`, null],
  ['with flags of one digit', `00-${trace}-${span}-1`, null],
  ['with flags of three digits', `00-${trace}-${span}-001`, null],
  ['with flags that are no number', `00-${trace}-${span}-.1`, null],
  ['with flags in capitals', `00-${trace}-${span}-0A`, null],
  ['without flags', `00-${trace}-${span}`, null],
  ['with other separators', good.replaceAll('-', '_'), null],
  ['twice', `${good}, ${good}`, null],
  ['with a space before it', ` ${good}`, null],
  ['with a line after it', `${good}\n`, null],
  ['empty', '', null],
]

for (const [name, text, expected] of headers)
  test(`a traceparent ${name} is ${expected === null ? 'refused' : 'read'}`, () => {
    assert.deepEqual(parseTraceparent(text), expected)
  })

test('what is written is read as it was, and nothing throws', () => {
  assert.equal(formatTraceparent(parsed), good)
  fc.assert(
    fc.property(fc.string(), (text) => {
      const found = parseTraceparent(text)
      if (found !== null) assert.deepEqual(parseTraceparent(formatTraceparent(found)), found)
    }),
  )
})

const many = (count: number): string =>
  Array.from({ length: count }, (_, at) => `k${at}=1`).join(',')
const long = (key: string, length: number): string =>
  `${key}=${'v'.repeat(length - key.length - 1)}`

const states: readonly [string, string, string][] = [
  ['one member', 'congo=t61rcWkgMzE', 'congo=t61rcWkgMzE'],
  ['several', 'rojo=00f067aa0ba902b7,congo=t61', 'rojo=00f067aa0ba902b7,congo=t61'],
  ['with spaces and tabs around', ' a=1 ,\tb=2\t', 'a=1,b=2'],
  ['with empty members', 'a=1,,b=2, ,', 'a=1,b=2'],
  ['with a key of a system', 'fw529a3039@dt=FfffffeaeK', 'fw529a3039@dt=FfffffeaeK'],
  ['with all characters of a key', 'a0_-*/@=1', 'a0_-*/@=1'],
  ['with a digit first in a key', '0a=1', '0a=1'],
  ['with a space inside a value', 'a=1 2', 'a=1 2'],
  ['with a space before a value', 'a= 1', 'a= 1'],
  ['with a key that comes twice', 'a=1,b=2,a=3', 'a=1,b=2'],
  ['of 32 members', many(32), many(32)],
  ['of 33 members', many(33), ''],
  ['with a key in capitals', 'A=1', ''],
  ['with a space before the sign', 'a =1', ''],
  ['with a key of 257 characters', `${'k'.repeat(257)}=1`, ''],
  ['with a key of 256 characters', `${'k'.repeat(256)}=1`, `${'k'.repeat(256)}=1`],
  ['with a value of 257 characters', `a=${'v'.repeat(257)}`, ''],
  ['with a value of 256 characters', `a=${'v'.repeat(256)}`, `a=${'v'.repeat(256)}`],
  ['with no value', 'a=', ''],
  ['with no key', '=1', ''],
  ['with no sign', 'a', ''],
  ['with a sign in a value', 'a=1=2', ''],
  ['with what is not ASCII', 'a=é', ''],
  ['with a control character', 'a=\u0001', ''],
  ['empty', '', ''],
  [
    'of more than 512 characters, a long member goes',
    [long('a', 200), long('b', 200), long('c', 100), long('d', 100)].join(','),
    [long('a', 200), long('c', 100), long('d', 100)].join(','),
  ],
  [
    'of more than 512 characters, of short ones the last go',
    Array.from({ length: 6 }, (_, at) => long(`k${at}`, 100)).join(','),
    Array.from({ length: 5 }, (_, at) => long(`k${at}`, 100)).join(','),
  ],
]

for (const [name, text, expected] of states)
  test(`a tracestate ${name}${expected === '' ? ' is dropped' : ' goes on'}`, () => {
    assert.equal(repairTracestate(text), expected)
  })

test('a very long tracestate costs no time', () => {
  assert.equal(repairTracestate('a'.repeat(1_000_000)), '')
  assert.equal(repairTracestate(`a=1${' '.repeat(15_000)}x`), '')
})

test('a share is the same for a trace wherever it is asked for, and as large as it says', () => {
  assert.equal(isInShare(trace, 1), true)
  assert.equal(isInShare(trace, 0), false)
  let count = 0
  for (let at = 0; at < 1_000; at += 1) {
    const id = `${'1'.repeat(24)}${Math.floor((at / 1_000) * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0')}`
    if (isInShare(id, 0.25)) count += 1
  }
  assert.equal(count, 250)
})
