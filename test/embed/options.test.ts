import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTurnout, openTurnout, type TurnoutOptions } from '../../src/turnout.ts'

const wrong: readonly (readonly [options: object, message: RegExp])[] = [
  [{ trailngSlash: 'ignore' }, /trailngSlash is not valid: did you mean trailingSlash/],
  [{ trailingSlash: 'x' }, /expected strict, redirect, ignore/],
  [{ logger: { level: 'loud' } }, /expected true, false, or an object with debug/],
  [{ bodyLimit: '1mb' }, /expected a number of bytes/],
  [{ drainMs: -1 }, /expected a number of milliseconds/],
  [{ keepRevisions: 0 }, /1 or more/],
  [{ services: 'db' }, /expected an object/],
  [
    { accessLog: { sample: 2 } },
    /accessLog is not valid: expected true, false, or \{ sample: 0 to 1/,
  ],
  [{ accessLog: { share: 1 } }, /accessLog/],
  [{ redact: 'pin' }, /expected a list of up to 100 texts/],
  [{ logLevel: 'loud' }, /expected debug, info, warn, error/],
  [{ tracing: { setup: '' } }, /tracing is not valid: expected true, false/],
  [{ tracing: { sample: -1 } }, /tracing/],
  [{ somethingElse: 1 }, /there is no such option/],
]

for (const [options, message] of wrong)
  test(`an option that would do nothing is refused: ${JSON.stringify(options)}`, () => {
    assert.throws(() => createTurnout(options), {
      code: 'TURNOUT_OPTION_INVALID',
      message,
    })
  })

test('every wrong option is told, and a data folder is needed where one is opened', async () => {
  assert.throws(
    () => createTurnout({ bodyLimit: '1mb', drainMs: 'x' } as unknown as TurnoutOptions),
    (error: { readonly problems: readonly unknown[] }) => error.problems.length === 2,
  )
  await assert.rejects(openTurnout({ dta: '.turnout' } as never), {
    code: 'TURNOUT_OPTION_INVALID',
    message: /did you mean data/,
  })
})

test('options that are right, and those that are undefined, are taken', async () => {
  const turnout = createTurnout({ logger: false, bodyLimit: 0, conflicts: 'prefix' })
  await turnout.close()
  const unset = { drainMs: undefined, logger: false } as unknown as TurnoutOptions
  await createTurnout(unset).close()
})
