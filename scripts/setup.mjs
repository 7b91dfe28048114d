// Makes a fresh clone ready: installs from the lock when node_modules is missing or stale, builds when a
// source changed. Needs nothing but Node and npm; every other script calls it first.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

const stamp = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '')

const digestOf = (files) => {
  const hash = createHash('sha256')
  for (const file of files)
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
  return hash.digest('hex')
}

const filesBelow = (folder) =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return filesBelow(path)
    return entry.name.endsWith('.ts') ? [path] : []
  })

/** Runs a command in the project's root, its output on stderr; ends the process when it fails. */
export const run = (command, args, options = {}) => {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
    ...options,
  })
  if (result.error) throw result.error
  if (result.status !== 0) process.exit(result.status ?? 1)
}

const install = () => {
  const marker = join(root, 'node_modules/.turnout-lock')
  const wanted = digestOf(['package-lock.json'])
  if (stamp(marker) === wanted) return
  console.error('turnout: installing what package-lock.json names')
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
  writeFileSync(marker, wanted)
}

const build = () => {
  const marker = join(root, 'dist/.digest')
  const folders = ['src', 'test', 'bench'].filter((name) => existsSync(join(root, name)))
  const wanted = digestOf(['tsconfig.json', 'package.json', ...folders.flatMap(filesBelow).sort()])
  if (stamp(marker) === wanted) return
  console.error('turnout: building')
  rmSync(marker, { force: true })
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', root])
  mkdirSync(join(root, 'dist'), { recursive: true })
  writeFileSync(marker, wanted)
}

export const setup = () => {
  install()
  build()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setup()
