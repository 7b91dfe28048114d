import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnswerParser } from '../../../src/gateway/upstream/answer-parser.ts'
import { Random } from '../../lane/random.ts'
import { seeds } from '../../lane/seeds.ts'
import { answers } from './answers.ts'
import { makeCase } from './generate.ts'
import { outcome, parse } from './parsed.ts'

for (const seed of seeds) {
  test(`how the bytes of generated answers are cut makes no difference: seed ${seed}`, () => {
    const random = new Random(seed)
    let cuts = 0
    for (let index = 0; index < 7_000; index++) {
      const { bytes, method, upgrade } = makeCase(seed, index)
      if (bytes.length === 0) continue
      const asked = { method, upgrade, isClosed: true, room: bytes.length }
      const whole = outcome(parse([bytes], asked))
      const same = (pieces: readonly Buffer[], how: string): void => {
        cuts += 1
        const seen = outcome(parse(pieces, asked))
        assert.deepEqual(seen, whole, `${how}: ${JSON.stringify(bytes.toString('latin1'))}`)
      }
      const cutAt = (at: number): void =>
        same([bytes.subarray(0, at), bytes.subarray(at)], `cut at ${at}`)
      if (index < 300 && bytes.length < 2_000) {
        for (let at = 1; at < bytes.length; at++) cutAt(at)
        same(
          Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)),
          'byte by byte',
        )
      } else if (bytes.length > 1) cutAt(1 + random.below(bytes.length - 1))
    }
    assert.ok(cuts > 50_000, String(cuts))
  })
}

test('whoever stops it, whenever, is told nothing more', () => {
  let stopped = 0
  for (let index = 0; index < 5_000; index++) {
    const { bytes, method, upgrade } = makeCase(4, index)
    for (let last = 1; last <= 4; last++) {
      let told = 0
      const tell = (): void => {
        told += 1
        if (told === last) parser.stop()
      }
      const parser = new AnswerParser({
        onInformational: tell,
        onHead: tell,
        onData: tell,
        onEnd: tell,
        onUpgrade: tell,
        onInvalid: tell,
      })
      parser.expect(method, upgrade)
      const middle = bytes.length >> 1
      for (const piece of [bytes.subarray(0, middle), bytes.subarray(middle)])
        parser.feed(piece, piece.length)
      parser.finish()
      assert.ok(told <= last, JSON.stringify(bytes.toString('latin1')))
      if (told === last) stopped += 1
    }
  }
  assert.ok(stopped > 5_000, String(stopped))
})

test('the answers by hand are the same with a date, whoever reads their heads', () => {
  // Byte by byte no head is here as a whole, so all of them are read by the reader of lines.
  for (const { name, raw, method, upgrade, isClosed } of answers) {
    const text = raw.replaceAll(/^(HTTP\/1\.1 [2-5].*\r\n)/gm, '$1date: today\r\n')
    const dated = Buffer.from(text, 'latin1')
    const asked = { method: method ?? 'GET', upgrade: upgrade ?? null, isClosed: isClosed ?? false }
    const pieces = Array.from(dated, (_, at) => dated.subarray(at, at + 1))
    assert.deepEqual(outcome(parse([dated], asked)), outcome(parse(pieces, asked)), name)
  }
})
