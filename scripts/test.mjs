// `npm test [-- NAME...]`: sets up, then runs the compiled tests with Node's own runner, files listed here
// because globs fail on Node 20 and folders on 24. `--long` runs the long forms instead.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { run as runTests } from 'node:test'
import { spec } from 'node:test/reporters'
import { closeLines, copyingLines, openLines } from './log-lines.mjs'
import { root, setup } from './setup.mjs'

setup()

const long = process.argv.includes('--long')
const names = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const folder = join(root, 'dist/test')

const listTests = (below) =>
  readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const path = below === '' ? entry.name : `${below}/${entry.name}`
    if (entry.isDirectory()) return listTests(path)
    if (!entry.name.endsWith('.test.js')) return []
    return entry.name.endsWith('.long.test.js') === long ? [path] : []
  })

// A compiled test whose source is gone must not run.
const files = listTests('')
  .filter((path) => existsSync(join(root, 'test', path.replace(/\.js$/, '.ts'))))
  .filter((path) => names.length === 0 || names.some((name) => path.includes(name)))
  .map((path) => join(folder, path))

if (files.length === 0) {
  console.error('turnout: no test file matches')
  process.exit(1)
}

// Runs of tests inside of a test have a folder of their own.
const lines = openLines()
Object.assign(process.env, copyingLines(lines))

let passed = 0
let failed = 0
const stream = runTests({ files, concurrency: long ? 1 : 2, timeout: long ? 3_600_000 : 300_000 })
stream.on('test:pass', ({ details }) => {
  if (details.type !== 'suite') passed += 1
})
stream.on('test:fail', () => {
  failed += 1
})
stream.compose(new spec()).pipe(process.stdout)
stream.on('end', () => {
  setImmediate(async () => {
    const { lineProblem } = await import('../dist/src/telemetry/log-fields.js')
    const { count, wrong } = closeLines(lines, lineProblem)
    for (const { test, problem, line } of wrong.slice(0, 20))
      console.log(`\na line of the log is not by the table, in ${test}: ${problem}\n${line}`)
    console.log(`\n${count} lines of the log, ${wrong.length} not by the table`)
    console.log(`${passed} passed, ${failed} failed`)
    process.exitCode = failed === 0 && passed > 0 && wrong.length === 0 ? 0 : 1
  })
})
