import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { digestArtifact } from '../../src/modules/artifact.ts'
import { createBuilder } from '../../src/modules/build.ts'
import { openWorkspace, packages } from './support/workspace.ts'

const workspace = openWorkspace(packages)
after(() => workspace.close())

const build = async (name: string) => workspace.builder.build(workspace.path(name))

async function failure(name: string) {
  const outcome = await build(name)
  assert.ok(!outcome.ok)
  const [first] = outcome.problems
  assert.ok(first)
  return { ...outcome, first }
}

test('inputs are every file that was read, and the tsconfig that governs them', async () => {
  workspace.write({
    'read/main.ts':
      'import { a } from "./a.js"\nimport d from "./d.json"\nimport type { T } from "./types.ts"\nimport "esm-only"\nexport default [a, d] as T',
    'read/a.ts': 'export const a = 1',
    'read/d.json': '{}',
    'read/types.ts': 'export type T = unknown',
    'read/unused.ts': '',
    'read/tsconfig.json': '{}',
  })
  const outcome = await build('read/main.ts')
  assert.ok(outcome.ok)
  const names = ['a.ts', 'd.json', 'main.ts', 'tsconfig.json'].map((name) =>
    workspace.path(`read/${name}`),
  )
  assert.deepEqual([...outcome.inputs].sort(), names)
})

test('an artifact is plain data, says the versions of its packages, and is named by its content', async () => {
  workspace.write({
    'plain/main.ts':
      'import "esm-only/data.json"\nimport common from "common"\nimport "node:fs"\nexport default [common, () => import("absent")]',
  })
  const artifact = await workspace.artifact('plain/main.ts')
  assert.deepEqual(artifact.externals, [
    { specifier: 'absent' },
    { specifier: 'common', version: '4.5.6' },
    { specifier: 'esm-only/data.json', version: '1.2.3' },
  ])
  assert.match(artifact.digest, /^[0-9a-f]{64}$/)
  const stored = JSON.parse(JSON.stringify(artifact)) as typeof artifact
  assert.deepEqual(stored, artifact)
  assert.equal(digestArtifact(stored), artifact.digest)
  assert.ok(!JSON.stringify(artifact).includes(workspace.folder), 'no absolute path is in it')
})

test('the digest follows the content, not the place; a moved line is another artifact', async () => {
  const text = 'import { x } from "./x.ts"\nexport default x'
  const other = 'export const x = import.meta.url'
  workspace.write({ 'one/m.ts': text, 'one/x.ts': other, 'two/m.ts': text, 'two/x.ts': other })
  const [one, two] = [await workspace.artifact('one/m.ts'), await workspace.artifact('two/m.ts')]
  assert.equal(one.digest, two.digest)
  workspace.write({ 'two/x.ts': `\n${other}` })
  assert.notEqual((await workspace.artifact('two/m.ts')).digest, one.digest)
})

test('a syntax error names file, line and column, with a frame', async () => {
  workspace.write({
    'syntax/main.ts': 'import "./bad.ts"',
    'syntax/bad.ts': '// first\nconst é = "ü", = 2\n',
  })
  const { first, inputs } = await failure('syntax/main.ts')
  const bad = workspace.path('syntax/bad.ts')
  assert.equal(first.code, 'TURNOUT_MODULE_BUILD_FAILED')
  assert.deepEqual({ ...first.place, frame: '' }, { file: bad, line: 2, column: 16, frame: '' })
  assert.match(first.place?.frame ?? '', /> 2 \| const é = "ü", = 2\n {4}\| {16}\^/)
  assert.ok(inputs.includes(bad) && inputs.includes(workspace.path('syntax/main.ts')))
})

test('every problem of a build is reported', async () => {
  workspace.write({ 'many/main.ts': 'import "./no-a.ts"\nimport "./no-b.ts"\nexport default 1' })
  const { problems } = await failure('many/main.ts')
  assert.deepEqual(
    problems.map(({ code, place }) => [code, place?.line]),
    [
      ['TURNOUT_MODULE_IMPORT_MISSING', 1],
      ['TURNOUT_MODULE_IMPORT_MISSING', 2],
    ],
  )
})

for (const [specifier, appears] of [
  ['./later', 'later.ts'],
  ['./later.ts', 'later.ts'],
  ['./later.js', 'later.ts'],
  ['./later.mjs', 'later.mts'],
  ['./folder', 'folder/index.tsx'],
  ['../up/later', 'later.json'],
] as const) {
  test(`a missing import of ${specifier} says to watch for ${appears}`, async () => {
    workspace.write({
      'up/main.ts': `\nimport * as later from "${specifier}"\nexport default later`,
    })
    const { first, inputs } = await failure('up/main.ts')
    assert.equal(first.code, 'TURNOUT_MODULE_IMPORT_MISSING')
    assert.match(first.message, new RegExp(`Could not resolve "${specifier}"`))
    assert.equal(first.place?.line, 2)
    const file = workspace.path(`up/${appears}`)
    assert.ok(inputs.includes(file))
    workspace.write({ [`up/${appears}`]: appears.endsWith('json') ? '{}' : 'export {}' })
    assert.ok((await build('up/main.ts')).ok)
    rmSync(file)
  })
}

test('an import of a name that a local file does not export is a problem', async () => {
  workspace.write({
    'name/main.ts': 'import { gone } from "./b.ts"\nexport default gone',
    'name/b.ts': 'export const here = 1',
  })
  const { first } = await failure('name/main.ts')
  assert.equal(first.code, 'TURNOUT_MODULE_IMPORT_MISSING')
  assert.match(first.message, /gone/)
})

for (const [what, name] of [
  ['is not there', 'nowhere.ts'],
  ['is a folder', 'just-a-folder'],
] as const) {
  test(`an entry that ${what} is a problem and is watched`, async () => {
    mkdirSync(workspace.path('just-a-folder'), { recursive: true })
    const { first, inputs } = await failure(name)
    assert.equal(first.code, 'TURNOUT_MODULE_FILE_MISSING')
    assert.deepEqual(inputs, [workspace.path(name)])
  })
}

test('an entry deleted after it was built is a problem, and builds again when it is back', async () => {
  workspace.write({ 'back.ts': 'export default 1' })
  assert.ok((await build('back.ts')).ok)
  renameSync(workspace.path('back.ts'), workspace.path('away.ts'))
  assert.equal((await failure('back.ts')).first.code, 'TURNOUT_MODULE_FILE_MISSING')
  renameSync(workspace.path('away.ts'), workspace.path('back.ts'))
  assert.ok((await build('back.ts')).ok)
})

test('an entry reached through a link is built where it really is', async () => {
  workspace.write({ 'real/m.ts': 'import "./n.ts"\nexport default 1', 'real/n.ts': '' })
  symlinkSync(workspace.path('real'), workspace.path('linked'))
  const outcome = await build('linked/m.ts')
  assert.ok(outcome.ok)
  assert.deepEqual(
    outcome.inputs.slice().sort(),
    ['linked/m.ts', 'real/m.ts', 'real/n.ts'].map((name) => workspace.path(name)),
  )
})

test('each build sees the file as it is now, also when asked at the same time', async () => {
  const texts: string[] = []
  const builds: ReturnType<typeof build>[] = []
  for (let turn = 0; turn < 5; turn += 1) {
    workspace.write({ 'turns.ts': `export default "turn ${turn}"` })
    builds.push(build('turns.ts'))
  }
  const last = (await Promise.all(builds)).at(-1)
  assert.ok(last?.ok === true)
  texts.push(last.artifact.script)
  assert.match(texts.join(''), /turn 4/)
})

test('more entries than are kept build all the same, in any order', async () => {
  const few = createBuilder({ kept: 2 })
  const names = Array.from({ length: 7 }, (_, index) => `few-${index}.ts`)
  workspace.write(Object.fromEntries(names.map((name) => [name, `export default "${name}"`])))
  const files = [...names, ...names.toReversed()].map((name) => join(workspace.folder, name))
  const outcomes = await Promise.all(files.map(async (file) => few.build(file)))
  outcomes.forEach((outcome, index) => {
    assert.ok(outcome.ok)
    assert.ok(outcome.artifact.script.includes(files[index]?.split('/').at(-1) ?? '?'))
  })
  await few.close()
})
