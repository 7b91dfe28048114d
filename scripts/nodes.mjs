// `npm run test:nodes [-- 22 24 26] [--long]`: the suite on other Node lines. Their binaries come from the npm
// registry as packages and are kept beside the build.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { root, run, setup } from './setup.mjs'

setup()

const words = process.argv.slice(2)
const lines = words.filter((word) => /^\d+$/.test(word))
const rest = words.filter((word) => !/^\d+$/.test(word))
const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
let failed = 0

for (const line of lines.length === 0 ? ['22', '24', '26'] : lines) {
  const folder = join(root, 'node_modules/.cache/turnout-nodes', line)
  const binary = join(folder, 'node_modules', name, 'bin/node')
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true })
    run('npm', [
      'install',
      '--prefix',
      folder,
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      `${name}@${line}`,
    ])
  }
  const version = spawnSync(binary, ['--version'], { encoding: 'utf8' }).stdout.trim()
  console.log(`\nNode ${version}`)
  const { status } = spawnSync(binary, [join(root, 'scripts/test.mjs'), ...rest], {
    cwd: root,
    stdio: 'inherit',
  })
  if (status !== 0) failed += 1
}

process.exitCode = failed === 0 ? 0 : 1
