import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { translatePath } from '../../../src/core/route/spring-path.ts'
import { findPath } from '../../../src/core/router/lookup.ts'
import { parsePattern } from '../../../src/core/router/pattern.ts'
import { editRouter, emptyRouter, type Router } from '../../../src/core/router/router.ts'

/** Whether Spring's pattern takes a path of plain segments, as its documentation tells. */
function takes(pattern: string, path: string, isSlashOptional: boolean): boolean {
  const segments = pattern.split('/').slice(1)
  const parts = path.split('/').slice(1)
  const last = segments.at(-1) ?? ''
  const isRest = last === '**' || last.startsWith('{*')
  if (isRest) segments.pop()
  const isExtra =
    isSlashOptional &&
    last !== '' &&
    !isRest &&
    parts.at(-1) === '' &&
    parts.length === segments.length + 1
  const taken = isExtra ? parts.slice(0, -1) : parts
  if (isRest) {
    // `/**` takes `/`, whose one segment is empty.
    return (
      taken.length >= segments.length && segments.every((one, at) => fits(one, taken[at] ?? ''))
    )
  }
  return (
    taken.length === segments.length &&
    segments.every((one, at) => {
      const part = taken[at] ?? ''
      if (one === '*' && part === '') return at === segments.length - 1 && !isExtra
      return fits(one, part)
    })
  )
}

function fits(segment: string, part: string): boolean {
  if (segment === '') return part === ''
  if (part === '') return false
  const source = segment
    .replaceAll('.', '\\.')
    .replaceAll('?', '.')
    .replaceAll('*', '.*')
    .replaceAll(/\{\w+(?::([^}]+))?\}/g, (_, regex?: string) => `(?:${regex ?? '.*'})`)
  return new RegExp(`^(?:${source})$`).test(part)
}

const routerOf = (paths: readonly string[]): Router<string> =>
  editRouter(
    emptyRouter,
    paths.map((path) => {
      const { pattern, problems } = parsePattern(path)
      assert.deepEqual(problems, null, path)
      return { kind: 'put' as const, method: 'GET', pattern, value: path }
    }),
  )

const segment = fc.constantFrom('a', 'b', 'ab', 'a.b', '*', 'a*', '?', 'a?', '*b', '**b', 'x{n#}')
const pattern = fc
  .tuple(
    fc.array(
      fc.oneof(
        segment,
        fc.constantFrom('', ':[ab]+', ':\\d+').map((tail) => `{v#${tail}}`),
      ),
      { maxLength: 3 },
    ),
    fc.constantFrom('', '/', '/**', '/{*rest}', '/*'),
  )
  .map(([segments, end]) => {
    const text = segments.map((one, at) => `/${one.replace('#', String(at))}`).join('') + end
    return text === '' ? '/' : text
  })
const path = fc
  .array(fc.constantFrom('a', 'b', 'ab', 'aab', 'a.b', 'axb', '1', 'x', 'xa'), { maxLength: 4 })
  .chain((parts) => fc.constantFrom('', '/').map((end) => `/${parts.join('/')}${end}`))
  .filter((text) => !text.includes('//'))

test('patterns of Spring take what their translation takes', () => {
  let took = 0
  fc.assert(
    fc.property(
      pattern,
      fc.array(path, { minLength: 8, maxLength: 8 }),
      fc.boolean(),
      (text, paths, isSlashOptional) => {
        const translation = translatePath(text, isSlashOptional)
        assert.ok(translation.paths !== null, `${text}: ${translation.reason}`)
        const router = routerOf(translation.paths)
        for (const one of paths) {
          const expected = takes(text, one, isSlashOptional)
          if (expected) took += 1
          const message: string = `${text} (${translation.paths.join(' ')}) and ${one}, ${isSlashOptional}`
          assert.equal(findPath(router, 'GET', one).kind === 'match', expected, message)
        }
      },
    ),
    { numRuns: 3000 },
  )
  assert.ok(took > 2000, `${took} taken`)
})

test('a pattern is compared with the decoded segment', () => {
  const taken = (text: string, path: string): boolean =>
    findPath(routerOf(translatePath(text, false).paths ?? []), 'GET', path).kind === 'match'
  assert.equal(taken('/a%20b', '/a%2520b'), true)
  assert.equal(taken('/a b', '/a%20b'), true)
  assert.equal(taken('/12:30', '/12:30'), true)
  assert.equal(taken('/:x', '/y'), false)
})
