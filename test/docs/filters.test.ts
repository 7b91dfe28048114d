import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import { filterKinds } from '../../src/core/route/filter-kinds.ts'
import { parseRoute } from '../../src/core/route/parse.ts'
import { springFilters } from '../../src/core/route/spring-names.ts'
import { root } from './root.ts'

const page = readFileSync(new URL('docs/reference/filters.md', root), 'utf8')
const sections = page
  .split(/^## /m)
  .slice(1)
  .map((text) => ({ title: text.slice(0, text.indexOf('\n')), text }))

const blockOf = (text: string, language: string): string | null =>
  new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(text)?.[1] ?? null

const kindsOf = (route: object): readonly string[] => {
  const at = { owner: 'admin', pointer: '' }
  const read = parseRoute({ id: 'a', ...route }, at)
  assert.equal(read.problems, null)
  return read.route?.filters?.map(({ kind }) => kind) ?? []
}

test('every kind of filter has a section, and its examples are read as that kind', () => {
  const known = sections.map(({ title }) => title)
  for (const kind of Object.keys(filterKinds)) assert.ok(known.includes(kind), kind)
  for (const { title, text } of sections) {
    const native = blockOf(text, 'yaml')
    if (native === null) continue
    const filters: unknown = parse(native)
    assert.deepEqual(kindsOf({ path: '/red/:segment', target: { upstream: 'a' }, filters }), [
      title,
    ])
    const spring = blockOf(text, 'json')
    if (spring === null) continue
    const definition = { uri: 'http://a.test', predicates: ['Path=/red/{segment}'] }
    assert.deepEqual(kindsOf({ ...definition, filters: [JSON.parse(spring)] }), [title])
  }
})

test('every filter of Spring is on the page', () => {
  for (const name of springFilters) {
    if (name !== 'LocalResponseCache') assert.match(page, new RegExp(`\\b${name}\\b`))
  }
})
