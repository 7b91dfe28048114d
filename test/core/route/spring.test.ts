import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseRoute, renderRoute } from '../../../src/core/route/parse.ts'
import { renderSpring } from '../../../src/core/route/spring-render.ts'

// Each line has a definition and what becomes of it; `TURNOUT_GOLDEN=write` writes the latter.
const folder = new URL('../../../../test/golden/spring/', import.meta.url)
const at = { owner: 'admin', pointer: '' }

interface Line {
  readonly definition: object
  readonly route?: object
  readonly problems?: readonly string[]
}

const linesOf = (name: string): readonly Line[] =>
  readFileSync(new URL(name, folder), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line)

const translated = (definition: object): Line => {
  const { route, problems } = parseRoute(definition, at)
  return route === null
    ? {
        definition,
        problems: problems.map(({ code, message, pointer }) => `${code} ${pointer}: ${message}`),
      }
    : { definition, route: renderRoute(route) as object }
}

const names = readdirSync(folder)
for (const name of names) {
  test(`definitions of Spring are translated as ${name} says`, () => {
    const lines = linesOf(name).map(({ definition }) => translated(definition))
    const text = `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`
    if (process.env['TURNOUT_GOLDEN'] === 'write') writeFileSync(new URL(name, folder), text)
    assert.equal(text, readFileSync(new URL(name, folder), 'utf8'))
    const isRefused = name === 'refused.jsonl'
    for (const line of lines)
      assert.equal(line.problems !== undefined, isRefused, JSON.stringify(line))
  })
}

test('there are definitions of every kind', () => {
  const count = names.map((name) => linesOf(name).length).reduce((sum, one) => sum + one, 0)
  assert.ok(count >= 150, `${count} definitions`)
})

const accepted = names.flatMap(linesOf).filter(({ problems }) => problems === undefined)

test('a definition comes back as it was given, and reads the same again', () => {
  for (const { definition } of accepted) {
    const { route } = parseRoute(definition, at)
    assert.ok(route !== null)
    const rendered = renderSpring(route)
    assert.equal(JSON.stringify(rendered.definition), JSON.stringify(definition))
    assert.deepEqual(parseRoute(rendered.definition, at).route, route)
  }
})

test('a translated definition reads the same in our own shape', () => {
  for (const { definition } of accepted) {
    const { route } = parseRoute(definition, at)
    assert.ok(route !== null)
    const own = parseRoute(renderRoute(route), at)
    assert.deepEqual(own.route, { ...route, definition: null })
  }
})
