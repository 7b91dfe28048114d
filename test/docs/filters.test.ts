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

/** What a line of a section shows, or null. */
const exampleOf = (text: string, name: string): string | null =>
  new RegExp(`^- ${name}: \`(.+)\`$`, 'm').exec(text)?.[1] ?? null

const kindsOf = (route: object): readonly string[] => {
  const at = { owner: 'admin', pointer: '' }
  const read = parseRoute({ id: 'a', ...route }, at)
  assert.equal(read.problems, null)
  return read.route?.filters?.map(({ kind }) => kind) ?? []
}

test('every kind of filter has a section, and its examples are read as that kind', () => {
  let count = 0
  const known = sections.map(({ title }) => title)
  for (const kind of Object.keys(filterKinds)) assert.ok(known.includes(kind), kind)
  for (const { title, text } of sections) {
    const native = exampleOf(text, 'Ours')
    if (native === null) continue
    count += 1
    const filters = [parse(native) as unknown]
    assert.deepEqual(kindsOf({ path: '/red/:segment', target: { upstream: 'a' }, filters }), [
      title,
    ])
    const spring = exampleOf(text, 'Spring')
    if (spring === null) continue
    const definition = { uri: 'http://a.test', predicates: ['Path=/red/{segment}'] }
    assert.deepEqual(
      kindsOf({
        ...definition,
        filters: [spring.startsWith('{') ? (parse(spring) as unknown) : spring],
      }),
      [title],
    )
  }
  assert.equal(count, Object.keys(filterKinds).length)
})

test('every filter of Spring is on the page', () => {
  for (const name of springFilters) {
    assert.match(page, new RegExp(`\\b${name}\\b`))
  }
})
