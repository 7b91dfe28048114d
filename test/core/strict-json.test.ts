import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStrictJson } from '../../src/core/strict-json.ts'
import { Random } from '../lane/random.ts'
import { seeds } from '../lane/seeds.ts'

const texts = [
  '',
  'a',
  'a longer text than is copied',
  'é',
  '💡',
  'a\nb',
  '"',
  '\\',
  '\u0000',
  'ÿ\u2028',
]

const made = (random: Random, depth: number): unknown => {
  switch (random.below(depth === 0 ? 4 : 6)) {
    case 0:
      return random.pick([0, -1, 1.5, 1e21, 12_345_678])
    case 1:
    case 2:
      return random.pick(texts)
    case 3:
      return random.pick([true, false, null])
    case 4:
      return Array.from({ length: random.below(4) }, () => made(random, depth - 1))
    default:
      return Object.fromEntries(
        Array.from({ length: random.below(4) }, (_, at) => [
          `${random.pick(texts)}${at}`,
          made(random, depth - 1),
        ]),
      )
  }
}

const alphabet = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  ' ',
  '\t',
  '\n',
  '\r',
  'e',
  '0',
  '-',
  '\u0001',
  '\ud800',
]

/** One character of it is another one, or gone, or there twice. */
const mutated = (text: string, random: Random): string => {
  const at = random.below(text.length + 1)
  const put = random.pick(['', random.pick(alphabet), text.slice(at, at + 1).repeat(2)])
  return text.slice(0, at) + put + text.slice(at + random.below(2))
}

const parsed = (text: string): { readonly value: unknown } | null => {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return null
  }
}

for (const seed of seeds)
  test(`what is taken is what JSON.parse takes, value for value: seed ${seed}`, () => {
    const random = new Random(seed)
    let taken = 0
    let refused = 0
    for (let index = 0; index < 10_000; index++) {
      const whole = JSON.stringify(made(random, 3), null, random.pick([0, 2]))
      const strict = parseStrictJson(whole, 32)
      assert.ok(strict.ok, whole)
      assert.deepEqual(strict.value, JSON.parse(whole))
      const text = mutated(whole, random)
      const seen = parseStrictJson(text, 32)
      const usual = parsed(text)
      if (seen.ok) {
        taken += 1
        assert.deepEqual({ value: seen.value }, usual, text)
      } else {
        refused += 1
        // Beside what is no JSON, only what is said to be refused: half of a pair, a key that stands twice, a number without an end.
        const isMeant = /half of a surrogate pair|stands twice|is too large/.test(seen.reason)
        assert.ok(usual === null || isMeant, `${seen.reason}: ${text}`)
      }
    }
    assert.ok(taken > 1_000 && refused > 3_000, `${taken} taken, ${refused} refused`)
  })
