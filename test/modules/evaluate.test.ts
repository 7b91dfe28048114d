import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import * as turnout from '../../src/index.ts'
import { evaluate, type ModuleExports } from '../../src/modules/evaluate.ts'
import { mapStack } from '../../src/modules/source-map.ts'
import { openWorkspace, packages } from './support/workspace.ts'

const workspace = openWorkspace(packages)
after(() => workspace.close())

let folders = 0

/** Writes the files in a folder of their own, builds and evaluates `main.ts`. */
async function run(files: Readonly<Record<string, string>>, timeoutMs = 5000) {
  folders += 1
  const folder = `case-${folders}`
  const named = Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text])
  workspace.write(Object.fromEntries(named) as Record<string, string>)
  const entry = Object.keys(files)[0] ?? ''
  const artifact = await workspace.artifact(`${folder}/${entry}`)
  const file = workspace.path(`${folder}/${entry}`)
  return {
    file,
    folder: workspace.path(folder),
    outcome: await evaluate(artifact, { file, timeoutMs }),
  }
}

async function exportsOf(files: Readonly<Record<string, string>>): Promise<ModuleExports> {
  const { outcome } = await run(files)
  if (!outcome.ok) assert.fail(JSON.stringify(outcome.problem, undefined, 2))
  return outcome.exports
}

async function problemOf(files: Readonly<Record<string, string>>, timeoutMs?: number) {
  const { outcome, file } = await run(files, timeoutMs)
  assert.ok(!outcome.ok)
  return { ...outcome.problem, entry: file }
}

test('exports are live, named as the author named them, and fixed', async () => {
  const exports = await exportsOf({
    'main.ts':
      'export let live = 1\nexport const raise = (): void => { live += 1 }\nconst odd = 3\nexport { odd as "an odd name" }\nexport default class {}',
  })
  assert.deepEqual(Object.keys(exports).sort(), ['an odd name', 'default', 'live', 'raise'])
  assert.equal(exports['live'], 1)
  ;(exports['raise'] as () => void)()
  assert.equal(exports['live'], 2)
  assert.equal(exports['an odd name'], 3)
  assert.throws(() => {
    ;(exports as Record<string, unknown>)['live'] = 5
  }, TypeError)
  assert.throws(() => {
    ;(exports as Record<string, unknown>)['other'] = 5
  }, TypeError)
})

test('top-level await works, in the entry and in local imports', async () => {
  const exports = await exportsOf({
    'main.ts':
      'import { later } from "./later.ts"\nexport default (await Promise.resolve(later)) + 1',
    'later.ts': 'export const later: number = await new Promise((r) => setTimeout(() => r(41), 5))',
  })
  assert.equal(exports['default'], 42)
})

test('local TypeScript, JavaScript, JSX, JSON and CommonJS are bundled', async () => {
  const exports = await exportsOf({
    'main.tsx':
      '/** @jsxImportSource ./jsx */\nimport { a } from "./a.js"\nimport b from "./b.mjs"\nimport c from "./c.cjs"\nimport data from "./d.json" with { type: "json" }\nexport default [a, b, c.base, data.k, <p id="x" />]',
    'a.ts': 'export const a = 1 as const',
    'b.mjs': 'export default 2',
    'c.cjs': 'module.exports = { base: require("node:path").basename("/x/three") }',
    'd.json': '{"k": 4}',
    'jsx/jsx-runtime.js': 'export const jsx = (type, props) => ({ type, ...props })',
  })
  assert.deepEqual(exports['default'], [1, 2, 'three', 4, { type: 'p', id: 'x' }])
})

test('packages are imported as Node does: ES-only, CommonJS, JSON, builtins', async () => {
  const exports = await exportsOf({
    'main.ts': `import Thing, { count, add, "odd name" as odd } from 'esm-only'
import * as whole from 'esm-only'
import common, { named } from 'common'
import data from 'esm-only/data.json' with { type: 'json' }
import { basename } from 'node:path'
import { join } from 'path'
export { named as again } from 'common'
export * from 'esm-only'
export const all = () => ({ count, self: add(), odd, named, same: whole.add === add, thing: Thing.name, data, key: common.named, base: basename(join('a', 'b')) })
export const shadow = (count: number) => count * 2`,
  })
  const all = exports['all'] as () => Record<string, unknown>
  const before = exports['count'] as number
  const { count, ...rest } = all()
  assert.equal(count, before, 'the value when it was read')
  assert.deepEqual(rest, {
    self: undefined,
    odd: 7,
    named: 'named',
    same: true,
    thing: 'Thing',
    data: { from: 'package' },
    key: 'named',
    base: 'b',
  })
  assert.equal(all()['count'], before + 1, 'an imported binding is live')
  assert.equal(exports['count'], before + 2, 'so is one that is exported again')
  assert.equal(exports['again'], 'named')
  assert.equal((exports['shadow'] as (count: number) => number)(21), 42)
})

test('the specifier turnout is the running package, without node_modules', async () => {
  const exports = await exportsOf({
    'main.ts':
      'import { TurnoutError } from "turnout"\nexport { TurnoutError }\nexport const later = () => import("turnout")',
  })
  assert.equal(exports['TurnoutError'], turnout.TurnoutError)
  assert.equal(await (exports['later'] as () => Promise<unknown>)(), turnout)
})

test('import() reaches local files, packages and computed names from the file that it stands in', async () => {
  const exports = await exportsOf({
    'main.ts': `export { load, byName } from './below/loader.ts'
export const common = () => import('common')
export const missing = () => import('not-installed')`,
    'below/loader.ts':
      'export const load = () => import("../local.ts")\nexport const byName = (name: string, how?: object) => import(name, how)',
    'local.ts': 'export const local = await Promise.resolve("here")',
    'below/plain.mjs': 'export const plain = import.meta.filename',
    'below/plain.json': '[1]',
  })
  const call = async (name: string, ...args: unknown[]): Promise<Record<string, unknown>> =>
    (exports[name] as (...values: unknown[]) => Promise<Record<string, unknown>>)(...args)
  assert.equal((await call('load'))['local'], 'here')
  assert.equal((await call('common'))['named'], 'named')
  assert.match(String((await call('byName', './plain.mjs'))['plain']), /below.plain\.mjs$/)
  const json = await call('byName', './plain.json', { with: { type: 'json' } })
  assert.deepEqual(json['default'], [1])
  await assert.rejects(call('missing'), { code: 'ERR_MODULE_NOT_FOUND' })
})

test('import.meta is that of each source file', async () => {
  const { folder, outcome } = await run({
    'main.ts': `import { common } from 'common'
import { inner } from './sub/inner.ts'
const { url } = import.meta
export default { url, dirname: import.meta.dirname, filename: \`\${import.meta.filename}\`, inner, meta: import.meta === import.meta, none: import.meta.env, resolved: import.meta.resolve('common') }`.replace(
      '{ common }',
      'common',
    ),
    'sub/inner.ts':
      'export const inner = { url: import.meta.url, sibling: import.meta.resolve("./x.ts") }',
  })
  assert.ok(outcome.ok)
  assert.deepEqual(outcome.exports['default'], {
    url: pathToFileURL(join(folder, 'main.ts')).href,
    dirname: folder,
    filename: join(folder, 'main.ts'),
    inner: {
      url: pathToFileURL(join(folder, 'sub/inner.ts')).href,
      sibling: pathToFileURL(join(folder, 'sub/x.ts')).href,
    },
    meta: true,
    none: undefined,
    resolved: pathToFileURL(workspace.path('node_modules/common/index.js')).href,
  })
})

test('folders and files may have any name', async () => {
  const { folder, outcome } = await run({
    'a 100%25 é.ts':
      'import { add } from "esm-only"\nexport { inner } from "./b #1/c?.ts"\nexport default [import.meta.filename, add]',
    'b #1/c?.ts':
      'import { add } from "esm-only"\nexport const inner = [import.meta.filename, add]',
  })
  assert.ok(outcome.ok)
  assert.equal((outcome.exports['default'] as string[])[0], join(folder, 'a 100%25 é.ts'))
  assert.equal((outcome.exports['inner'] as string[])[0], join(folder, 'b #1/c?.ts'))
})

test('module code is strict and has no CommonJS names', async () => {
  const exports = await exportsOf({
    'main.js':
      'export default [typeof __dirname, typeof module, this, (function () { return this })()]\nexport const call = () => require("fs")',
  })
  assert.deepEqual(exports['default'], ['undefined', 'undefined', undefined, undefined])
  assert.throws(() => (exports['call'] as () => unknown)(), Error)
})

test('a hashbang, names that look like ours and non-ASCII text change nothing', async () => {
  const exports = await exportsOf({
    'main.ts':
      '#!/usr/bin/env node\nconst $a = 1, $an0 = 2\nexport default [$a, $an0, "é import.meta.url", `import("x")`, /import.meta/.source]',
  })
  assert.deepEqual(exports['default'], [1, 2, 'é import.meta.url', 'import("x")', 'import.meta'])
})

test('each load is an instance of its own', async () => {
  workspace.write({ 'twice.ts': 'export const state = { seen: 0 }' })
  const artifact = await workspace.artifact('twice.ts')
  const options = { file: workspace.path('twice.ts') }
  const [first, second] = [await evaluate(artifact, options), await evaluate(artifact, options)]
  assert.ok(first.ok && second.ok)
  assert.notEqual(first.exports['state'], second.exports['state'])
})

test('a throw at import names the file, line and column of the author', async () => {
  const problem = await problemOf({
    'main.ts': 'import { fail } from "./fail.ts"\n\nfail("broken")',
    'fail.ts':
      'interface Unused {\n  a: string\n}\nexport function fail(text: string): never {\n  throw new RangeError(text)\n}',
  })
  assert.equal(problem.code, 'TURNOUT_MODULE_LOAD_FAILED')
  assert.match(problem.message, /RangeError: broken/)
  assert.match(problem.place?.file ?? '', /fail\.ts$/)
  assert.deepEqual([problem.place?.line, problem.place?.column], [5, 9])
  assert.match(problem.place?.frame ?? '', /> 5 \| {3}throw new RangeError\(text\)\n {4}\| {9}\^/)
  assert.match(problem.stack ?? '', /fail \(.*fail\.ts:5:9\)\n.*main\.ts:3:1/)
})

test('frames stay true where imports were made live and after long lines', async () => {
  const exports = await exportsOf({
    'main.ts':
      'import { add, count } from "esm-only"\n\nexport default function handler(): number {\n  add(); const x: number = count; add(); throw new Error(`at ${x}`)\n}',
  })
  const error: unknown = (() => {
    try {
      return (exports['default'] as () => unknown)()
    } catch (thrown) {
      return thrown
    }
  })()
  assert.match(mapStack(error), /handler \(.*main\.ts:4:48\)/)
})

for (const [what, source, reason] of [
  ['a string', 'throw "only text"', /only text/],
  ['nothing', 'throw undefined', /undefined/],
  ['an object that cannot be printed', 'throw Object.create(null)', /cannot be printed/],
] as const) {
  test(`throwing ${what} at import is a problem`, async () => {
    const problem = await problemOf({ 'main.ts': source })
    assert.equal(problem.code, 'TURNOUT_MODULE_LOAD_FAILED')
    assert.match(problem.message, reason)
  })
}

test('a package that is not installed is named, with the import that wants it', async () => {
  const problem = await problemOf({
    'main.ts': 'import "./inner.ts"',
    'inner.ts': 'const before = 1\nimport { x } from "not-installed"\nexport default [before, x]',
  })
  assert.equal(problem.code, 'TURNOUT_MODULE_DEPENDENCY_MISSING')
  assert.match(problem.message, /"not-installed" from .*inner\.ts/)
  assert.match(problem.place?.file ?? '', /inner\.ts$/)
  assert.equal(problem.place?.line, 2)
  workspace.write({
    'node_modules/not-installed/package.json':
      '{"name":"not-installed","version":"1.0.0","type":"module","exports":"./i.js"}',
    'node_modules/not-installed/i.js': 'export const x = 1',
  })
  const again = await exportsOf({ 'main.ts': 'export { x } from "not-installed"' })
  assert.equal(again['x'], 1, 'once installed it is found without a restart')
})

test('a name that a package does not export is named', async () => {
  const problem = await problemOf({
    'main.ts': 'import { absent } from "esm-only"\nexport default absent',
  })
  assert.equal(problem.code, 'TURNOUT_MODULE_DEPENDENCY_MISSING')
  assert.match(problem.message, /no export named "absent"/)
})

test('an import that never settles ends at its deadline', async () => {
  const problem = await problemOf({ 'main.ts': 'await new Promise(() => {})' }, 50)
  assert.equal(problem.code, 'TURNOUT_MODULE_LOAD_TIMEOUT')
  assert.match(problem.message, /50 ms/)
})

test('a load can be given up', async () => {
  workspace.write({ 'hangs.ts': 'await new Promise(() => {})' })
  const artifact = await workspace.artifact('hangs.ts')
  const file = workspace.path('hangs.ts')
  for (const signal of [AbortSignal.abort(), AbortSignal.timeout(5)]) {
    const outcome = await evaluate(artifact, { file, signal, timeoutMs: 0 })
    assert.ok(!outcome.ok)
    assert.equal(outcome.problem.code, 'TURNOUT_MODULE_LOAD_FAILED')
    assert.match(outcome.problem.message, /given up/)
  }
})

test('aliases of tsconfig and package.json reach local files', async () => {
  const exports = await exportsOf({
    'main.ts': 'import { a } from "@/a"\nimport { b } from "#b"\nexport default [a, b]',
    'lib/a.ts': 'export const a = "a"',
    'lib/b.ts': 'export const b = "b"',
    'tsconfig.json': '{"extends": "./base.json"}',
    'base.json': '{"compilerOptions": {"paths": {"@/*": ["./lib/*"]}}}',
    'package.json': '{"type": "module", "imports": {"#b": "./lib/b.ts"}}',
  })
  assert.deepEqual(exports['default'], ['a', 'b'])
})
