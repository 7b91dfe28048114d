import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { codeFrame } from '../../src/core/code-frame.ts'
import { evaluate } from '../../src/modules/evaluate.ts'
import { errorPlace, installStackMapping, mapStack } from '../../src/modules/source-map.ts'
import { openWorkspace } from './support/workspace.ts'

const workspace = openWorkspace({
  'fails (1) ü.ts': 'type Unused = string\n\nexport default (): Error => new TypeError("mine")',
})
after(() => workspace.close())

async function loadThrower(): Promise<() => Error> {
  const name = 'fails (1) ü.ts'
  const file = workspace.path(name)
  const outcome = await evaluate(await workspace.artifact(name), { file })
  assert.ok(outcome.ok)
  return outcome.exports['default'] as () => Error
}

test('reports name the author’s file while error.stack is left as the host has it', async () => {
  const error = (await loadThrower())()
  assert.match(error.stack ?? '', /turnout:\/\/\//)
  assert.match(mapStack(error), /TypeError: mine\n\s+at .*fails \(1\) ü\.ts:3:29/)
  assert.equal(errorPlace(error)?.line, 3)
})

test('with stack mapping installed error.stack itself names the author’s file', async () => {
  const make = await loadThrower()
  const takeBack = installStackMapping()
  const error = make()
  assert.match(error.stack ?? '', /^TypeError: mine\n\s+at .*fails \(1\) ü\.ts:3:29/)
  assert.equal(errorPlace(error)?.column, 29)
  takeBack()
  assert.match(make().stack ?? '', /turnout:\/\/\//)
})

test('a hook that was there before still formats', async () => {
  const make = await loadThrower()
  const target = Error as { prepareStackTrace?: unknown }
  const previous = target.prepareStackTrace
  const hook = (error: Error, trace: readonly object[]): unknown =>
    error.message === 'sites' ? trace : `before ${error.message} ${(trace[0] ?? '') as string}`
  target.prepareStackTrace = hook
  const takeBack = installStackMapping()
  assert.match(make().stack ?? '', /^before mine .*fails \(1\) ü\.ts:3:29/)
  assert.ok(Array.isArray(new Error('sites').stack))
  takeBack()
  assert.equal(target.prepareStackTrace, hook)
  target.prepareStackTrace = previous
  if (previous === undefined) delete target.prepareStackTrace
})

for (const [what, text] of [
  ['other code', 'Error: x\n    at f (/a/b.js:1:2)'],
  ['a module that is gone', 'Error: x\n    at f (turnout:///a/b.ts?0123456789ab:1:2)'],
  ['nothing', ''],
] as const) {
  test(`frames of ${what} stay as they are`, () => {
    assert.equal(mapStack(text), text)
    assert.equal(errorPlace(text), undefined)
  })
}

for (const [what, text, line, column, expected] of [
  ['the middle', 'a\nb\nc\nd\ne', 3, 1, '  1 | a\n  2 | b\n> 3 | c\n    | ^\n  4 | d\n  5 | e'],
  ['the first line', 'only', 1, 3, '> 1 | only\n    |   ^'],
  ['after tabs', '\tx = y', 1, 4, '> 1 | \tx = y\n    | \t  ^'],
  ['past the end', 'a', 2, 1, ''],
  [
    'numbers of two widths',
    '1\n2\n3\n4\n5\n6\n7\n8\n9\n10',
    9,
    1,
    '   7 | 7\n   8 | 8\n>  9 | 9\n     | ^\n  10 | 10',
  ],
] as const) {
  test(`a code frame marks ${what}`, () => {
    assert.equal(codeFrame(text, line, column), expected)
  })
}
