// `npm run check`: everything that tells if the tree is right, in the order of how fast it tells.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, run, setup } from './setup.mjs'

const skipped = process.argv
  .slice(2)
  .filter((word) => word.startsWith('--skip='))
  .map((word) => word.slice(7))
const bin = (name) => join(root, 'node_modules/.bin', name)

/** Some registries lag on other platforms' binaries; npm then drops them from the lock and `npm ci` fails elsewhere. */
const checkLock = () => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const present = new Set(
    Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')),
  )
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !present.has(name))
      .map((name) => `${path} -> ${name}`),
  )
  if (missing.length === 0) return
  console.error(`package-lock.json lacks optional packages:\n  ${missing.join('\n  ')}`)
  process.exit(1)
}

const steps = [
  ['lock', checkLock],
  ['format', () => run(bin('oxfmt'), ['--check'])],
  ['lint', () => run(bin('oxlint'), ['--type-aware', '--deny-warnings'])],
  ['types', () => run(bin('tsc'), ['-p', root, '--noEmit', '--incremental', 'false'])],
  ['build', setup],
  // Examples import the package by its name, so they need the build.
  ['examples', () => run(bin('tsc'), ['-p', join(root, 'tsconfig.examples.json')])],
  [
    'package',
    () => {
      run(bin('publint'), ['--strict'])
      run(bin('attw'), ['--pack', '.', '--profile', 'esm-only', '--quiet'])
    },
  ],
  ['tests', () => run(process.execPath, [join(root, 'scripts/test.mjs')], { stdio: 'inherit' })],
]

setup()
for (const [name, step] of steps) {
  if (skipped.includes(name)) continue
  console.error(`check: ${name}`)
  step()
}
console.error('check: all right')
