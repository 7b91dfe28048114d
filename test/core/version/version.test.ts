import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { VersionList } from '../../../src/core/version/request.ts'
import { compileVersions, isVersion } from '../../../src/core/version/version.ts'

interface Candidate {
  readonly version: string
  readonly isBaseline: boolean
}

/** What a list of versions says of a request: those of the highest that it selects, else of the highest baseline. */
function selectVersions<One extends Candidate>(
  requested: string,
  candidates: readonly One[],
): readonly One[] {
  const list = new VersionList(candidates)
  const { isValid, selects, baselines } = list.request(requested)
  assert.equal(isValid, compileVersions(requested) !== null)
  const best = selects.indexOf(true)
  const rank = best >= 0 ? best : baselines[0]
  return candidates.filter(
    ({ version, isBaseline }) => list.rankOf(version) === rank && (best >= 0 || isBaseline),
  )
}

const highestMatch = (requested: string, all: readonly string[]): string | null =>
  selectVersions(
    requested,
    all.map((version) => ({ version, isBaseline: false })),
  )[0]?.version ?? null

const selectsVersion = (requested: string, version: string): boolean =>
  compileVersions(requested)?.(version) ?? false

const versions = ['1.0.0', '1.2.0', '1.2.5', '1.10.0', '2.0.0-beta.1', '2.0.0-beta.2', '3.0.0']

const requests: readonly (readonly [string, string | null])[] = [
  ['1.2.0', '1.2.0'],
  ['v1.2.0', '1.2.0'],
  ['=1.2.0', '1.2.0'],
  ['1.2', '1.2.5'],
  ['~1.2.0', '1.2.5'],
  ['1', '1.10.0'],
  ['1.x', '1.10.0'],
  ['^1.2', '1.10.0'],
  ['>=1 <3', '1.10.0'],
  ['1.0.0 - 1.2', '1.2.5'],
  ['1 || 3', '3.0.0'],
  ['*', '3.0.0'],
  ['1.2.1', null],
  ['2', null],
  ['2.0.0', null],
  ['2.0.0-beta.1', '2.0.0-beta.1'],
  ['^2.0.0-beta', '2.0.0-beta.2'],
  ['>=2.0.0-beta.1 <3', '2.0.0-beta.2'],
  ['>=1.2.0-alpha <2', '1.10.0'],
  ['4', null],
  ['', null],
  ['  ', null],
  ['latest', null],
  ['1.2.3.4', null],
  ['>', null],
  ['1.2.0\n', '1.2.0'],
  ['\0', null],
  ['99999999999999999999.0.0', null],
  [`${'1 || '.repeat(52)}1`, null],
  [`${'1||'.repeat(85)}1`, '1.10.0'],
]
for (const [requested, expected] of requests) {
  test(`${JSON.stringify(requested).slice(0, 40)} selects ${String(expected)}`, () => {
    assert.equal(highestMatch(requested, versions), expected)
    assert.equal(
      versions.some((version) => selectsVersion(requested, version)),
      expected !== null,
    )
  })
}

const of = (text: string) => ({
  version: text.replace('+', ''),
  isBaseline: text.endsWith('+'),
  text,
})
const baselines: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['1.2.0', ['1.0.0+', '1.2.0'], ['1.2.0']],
  ['1.3.0', ['1.0.0+', '1.2.0'], ['1.0.0+']],
  ['1.3.0', ['1.0.0+', '1.2.0+', '2.0.0+'], ['1.2.0+']],
  ['1.3', ['1.0.0+', '1.2.0+', '2.0.0+'], ['1.2.0+']],
  ['^1.3', ['1.2.0+', '3.0.0'], ['1.2.0+']],
  ['0.9.0', ['1.0.0+'], []],
  ['<1', ['1.0.0+'], []],
  ['9', ['1.0.0+', '1.0.0', '1.0.0+'], ['1.0.0+', '1.0.0+']],
  ['1.0.0', ['1.0.0+', '1.0.0'], ['1.0.0+', '1.0.0']],
  ['1.5.0-rc.1', ['1.0.0+', '1.5.0+'], ['1.0.0+']],
  ['latest', ['1.0.0+'], []],
]
for (const [requested, candidates, expected] of baselines) {
  test(`of ${candidates.join(', ')} a request for ${requested} gets ${expected.join(', ') || 'none'}`, () => {
    const found = selectVersions(requested, candidates.map(of))
    assert.deepEqual(
      found.map(({ text }) => text),
      expected,
    )
  })
}

test('versions are written in full', () => {
  for (const text of ['1.2.0', '0.0.1', '1.2.0-beta.1']) assert.equal(isVersion(text), true, text)
  for (const text of ['1.2', 'v1.2.0', '1.2.0+b', ' 1.2.0', '01.2.0', '', '1.2.0-', '^1.2.0'])
    assert.equal(isVersion(text), false, text)
})

test('no request throws', () => {
  const piece = fc.constantFrom(
    '1',
    '.',
    'x',
    '*',
    '>',
    '<',
    '=',
    '^',
    '~',
    ' ',
    '-',
    '|',
    'a',
    '+',
  )
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 12 }).map((all) => all.join('')),
  )
  fc.assert(
    fc.property(text, (requested) => {
      const found = highestMatch(requested, versions)
      const selected = versions.filter((version) => selectsVersion(requested, version))
      assert.equal(found !== null, selected.length > 0)
      assert.ok(found === null || selected.includes(found))
      selectVersions(requested, versions.map(of))
    }),
    { numRuns: 3000 },
  )
})
