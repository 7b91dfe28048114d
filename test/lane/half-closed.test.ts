import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exchange, more } from '../attack/wire.ts'
import { differenceOf } from './answers.ts'
import { addEchoes, openBoth } from './echo.ts'

/** What is sent before the client says that it sends no more. */
const rows: readonly (readonly [what: string, bytes: string])[] = [
  ['nothing', ''],
  ['a part of a first line', 'GE'],
  ['a part of a head', 'GET / HTTP/1.1\r\nHo'],
  ['a part of a body', `${more('/body', 'Content-Length: 5\r\n', 'POST')}ab`],
  ['a part of a body that nobody reads', `${more('/unread', 'Content-Length: 5\r\n', 'POST')}ab`],
  ['a request', more('/echo')],
  ['a body', `${more('/unread', 'Content-Length: 2\r\n', 'POST')}ab`],
  ['a request that takes a while', more('/later')],
  ['a large answer', more('/large')],
  ['some', more('/echo') + more('/field') + more('/none')],
]

for (const [what, bytes] of rows)
  test(`a client that sends ${what} and then no more is answered alike by both lanes`, async (t) => {
    const ports = await openBoth(t, addEchoes, { overload: false })
    const [fast, safe] = [
      await exchange(ports.fast, bytes, true),
      await exchange(ports.safe, bytes, true),
    ]
    assert.equal(differenceOf(fast, safe, false), null)
  })
