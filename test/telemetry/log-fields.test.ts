import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import * as table from '../../src/telemetry/log-fields.ts'
import { root } from '../docs/root.ts'

const { headFields, lineProblem, logFields } = table

const good = {
  timestamp: 1,
  level: 'info',
  service_name: 'turnout',
  trace_id: '0af7651916cd43dd8448eb211c80319c',
  message: 'm',
}

test('fields are named once, in snake_case, and have a meaning', () => {
  const names = [...headFields, ...logFields].map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
  for (const { name, meaning } of [...headFields, ...logFields]) {
    assert.match(name, /^[a-z]+(_[a-z]+)*$/)
    assert.match(meaning, /[.]$/)
  }
})

const lines: readonly [string, unknown, RegExp | null][] = [
  ['the head alone', good, null],
  ['a field of the table', { ...good, revision: 3 }, null],
  ['a field that is not known', { ...good, module: null }, null],
  ['fields of a module', { ...good, data: { anything: 1, level: 'x' } }, null],
  ['a field of nobody', { ...good, color: 'red' }, /no field color/],
  ['a field of another type', { ...good, revision: '3' }, /revision is no number/],
  ['a trace id of zeros', { ...good, trace_id: '0'.repeat(32) }, /trace_id is no id/],
  ['no trace id', { timestamp: 1, level: 'info', service_name: 'x', message: 'm' }, /field 4/],
  ['a level that is none', { ...good, level: 'loud' }, /level is no level/],
]
for (const [name, line, expected] of lines)
  test(`a line with ${name} is ${expected === null ? 'right' : 'wrong'}`, () => {
    const found = lineProblem(JSON.stringify(line))
    if (expected === null) assert.equal(found, null)
    else assert.match(found ?? '', expected)
  })

test('the page is what `node scripts/logs.mjs` writes, but for its spaces', async () => {
  const script = new URL('scripts/logs.mjs', root).href
  const { logsPage } = (await import(script)) as { logsPage: (of: typeof table) => string }
  const page = readFileSync(new URL('docs/reference/logs.md', root), 'utf8')
  const plain = (text: string): string =>
    text
      .replaceAll(/ +/g, ' ')
      .replaceAll(/-{3,}/g, '---')
      .replaceAll('| --- ', '|---')
      .replaceAll('|---|', '|---|')
  assert.equal(
    plain(page).replaceAll(/\|---[^\n]*/g, '|'),
    plain(logsPage(table)).replaceAll(/\|---[^\n]*/g, '|'),
  )
})

interface LinesScript {
  readonly copyingLines: (folder: string) => NodeJS.ProcessEnv
  readonly closeLines: (
    folder: string,
    problem: typeof lineProblem,
  ) => { readonly count: number; readonly wrong: readonly { readonly problem: string }[] }
}

test('a test run sees every line of every process, also of one that is killed', async (t) => {
  const script = new URL('scripts/log-lines.mjs', root).href
  const { copyingLines, closeLines } = (await import(script)) as LinesScript
  const folder = mkdtempSync(join(tmpdir(), 'turnout-lines-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const logger = new URL('../../src/telemetry/log.js', import.meta.url).href
  const inner = `import { createLogger } from ${JSON.stringify(logger)}
    const log = createLogger()
    log.info('right', { count: 1 })
    log.info('wrong', { colour: 1 })
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 300)`
  const outer = `import { spawnSync } from 'node:child_process'
    import { createLogger } from ${JSON.stringify(logger)}
    spawnSync(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(inner)}])
    createLogger().warn('right')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', outer], {
    env: copyingLines(folder),
    stdio: 'ignore',
  })
  await once(child, 'close')
  const { count, wrong } = closeLines(folder, lineProblem)
  assert.equal(count, 3)
  assert.deepEqual(
    wrong.map(({ problem }) => problem),
    ['there is no field colour'],
  )
})
