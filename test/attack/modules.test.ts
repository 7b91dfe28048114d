import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { createTurnout } from '../../src/turnout.ts'

const register = (body: string): string => `export default { register(routes) { ${body} } }`

/** Files that must not go live, and the code of what is told about each. */
const refused: Readonly<Record<string, readonly [string | Buffer, string]>> = {
  'abort.js': ['process.abort()', 'TURNOUT_MODULE_CRASHED'],
  'binary.ts': [
    Buffer.from(Array.from({ length: 5_000 }, (_, at) => (at * 7919) % 256)),
    'TURNOUT_MODULE_BUILD_FAILED',
  ],
  'empty.js': ['', 'TURNOUT_MODULE_EXPORT_INVALID'],
  'exit.js': ['process.exit(0)', 'TURNOUT_MODULE_CRASHED'],
  'exit-later.js': [register('process.exit(3)'), 'TURNOUT_MODULE_CRASHED'],
  'long.js': [
    register("routes.get('/:a'.repeat(5000), (c) => c.text(''))"),
    'TURNOUT_PATTERN_INVALID',
  ],
  'loop.js': [register('for (;;) {}'), 'TURNOUT_MODULE_LOAD_TIMEOUT'],
  'microtasks.js': [
    'const f = () => Promise.resolve().then(f); await f()',
    'TURNOUT_MODULE_LOAD_TIMEOUT',
  ],
  'recursion.js': ['const f = () => f() + 1; f()', 'TURNOUT_MODULE_LOAD_FAILED'],
  'throws-bare.js': ['throw Object.create(null)', 'TURNOUT_MODULE_LOAD_FAILED'],
  'throws-null.js': [register('throw null'), 'TURNOUT_MODULE_LOAD_FAILED'],
  'throws-proxy.js': [
    'const no = () => { throw 1 }; throw new Proxy({}, { get: no, getPrototypeOf: no })',
    'TURNOUT_MODULE_LOAD_FAILED',
  ],
  'version.js': ["export default { version: '1', register() {} }", 'TURNOUT_MODULE_EXPORT_INVALID'],
  'getter.js': [
    'export default { get register() { throw new Error("no") } }',
    'TURNOUT_MODULE_LOAD_FAILED',
  ],
  'only-here.js': [
    `if (!process.send) throw new Error("where requests are served")\n${register('')}`,
    'TURNOUT_MODULE_LOAD_FAILED',
  ],
}

/** Files that are odd and fine. */
const accepted: Readonly<Record<string, string>> = {
  'good.js': register("routes.get('/good', (c) => c.text('good'))"),
  'large.js': `const text = "${'y'.repeat(20_000_000)}"\n${register("routes.get('/large', (c) => c.text(String(text.length)))")}`,
  'many.js': register(
    "for (let i = 0; i < 10_000; i += 1) routes.get('/many/' + i, (c) => c.text('many'))",
  ),
  'self.js': `import './self.js'\n${register("routes.get('/self', (c) => c.text('self'))")}`,
}

describe('a folder of files from hell', () => {
  test('what is good goes live, the rest is told by code', { timeout: 120_000 }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'turnout-attack-'))
    const turnout = createTurnout({ logger: false, loadTimeoutMs: 3_000 })
    t.after(async () => {
      await turnout.close(0)
      rmSync(folder, { recursive: true })
    })
    for (const [name, [text]] of Object.entries(refused)) writeFileSync(join(folder, name), text)
    for (const [name, text] of Object.entries(accepted)) writeFileSync(join(folder, name), text)
    const told = new Map<string, string>()
    turnout.on('rejected', ({ rejections }) => {
      for (const { label, problems } of rejections) told.set(label, problems[0]!.code)
    })
    await turnout.files(folder)
    const stem = (name: string): string => name.replace(/\.\w+$/, '')
    const expected = Object.entries(refused).map(([name, [, code]]) => [stem(name), code] as const)
    assert.deepEqual(Object.fromEntries(told), Object.fromEntries(expected))
    const live = new Set(turnout.routes().map(({ module }) => module))
    assert.deepEqual([...live].toSorted(), Object.keys(accepted).map(stem).toSorted())
    for (const [path, text] of [
      ['/good', 'good'],
      ['/large', '20000000'],
      ['/many/9999', 'many'],
      ['/self', 'self'],
    ]) {
      assert.equal(await (await turnout.fetch(new Request(`http://test${path}`))).text(), text)
    }
  })
})
