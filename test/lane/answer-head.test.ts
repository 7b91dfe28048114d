import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerHead } from '../../src/server/lane/answer-head.ts'

const lineFor = (name: string, value: string): string => {
  const head = answerHead({ isLast: false }, 200, [name, value, 'date', 'today'], '')
  return head.slice(head.indexOf('\r\n') + 2, head.indexOf('date: today'))
}

test('lines of one length, with the same ends, are told apart however often they come', () => {
  const names = ['x-one', 'x-two', 'X-one']
  const values = ['axbyc', 'aybyc', 'axbxc', 'a\txbc', '', 'axbyc']
  for (let times = 0; times < 4; times++)
    for (const name of names)
      for (const value of values)
        for (let again = 0; again < 3; again++)
          assert.equal(lineFor(name, value), `${name}: ${value}\r\n`)
})

test('a field that no line can have is refused each time, also beside its like that was known', () => {
  for (let times = 0; times < 4; times++) {
    assert.equal(lineFor('x-a', 'aabaa'), 'x-a: aabaa\r\n')
    assert.throws(() => lineFor('x-a', 'a\nbaa'), { code: 'ERR_INVALID_CHAR' })
    assert.throws(() => lineFor('x a', 'aabaa'), { code: 'ERR_INVALID_HTTP_TOKEN' })
  }
})

test('what ends a connection ends it each time', () => {
  for (let times = 0; times < 4; times++) {
    const answer = { isLast: false }
    answerHead(answer, 200, ['Connection', 'close'], '')
    assert.equal(answer.isLast, true)
  }
})
