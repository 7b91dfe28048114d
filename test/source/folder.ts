import { spawn } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { TestContext } from 'node:test'
import type { Problem } from '../../src/core/errors.ts'
import { createFilesSource, type FilesOptions, type FilesSource } from '../../src/source/files.ts'
import type { Burst } from '../../src/source/ledger.ts'

/** Text of a file, or `-> TARGET` for a link; a name that ends in `/` is an empty folder. */
export type Tree = Readonly<Record<string, string>>

export const makeFolder = (t: TestContext, tree: Tree): string => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'turnout-files-')))
  t.after(() => {
    rmSync(root, { recursive: true, force: true })
  })
  writeTree(root, tree)
  return root
}

export const writeTree = (root: string, tree: Tree): void => {
  for (const [name, text] of Object.entries(tree)) {
    const path = join(root, name)
    mkdirSync(name.endsWith('/') ? path : dirname(path), { recursive: true })
    if (text.startsWith('-> ')) symlinkSync(text.slice(3), path)
    else if (!name.endsWith('/')) writeFileSync(path, text)
  }
}

const textOf = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** What a bundler would do: follows the imports by real paths, and tells what it read or looked for. */
const build = (entry: string, built: Map<string, string> = new Map()): Map<string, string> => {
  const text = textOf(entry)
  const path = text === undefined ? entry : realpathSync(entry)
  if (built.has(path)) return built
  built.set(path, text ?? 'missing')
  for (const [, file] of (text ?? '').matchAll(/import '(.+?)'/g)) {
    build(resolve(dirname(path), file ?? ''), built)
  }
  return built
}

export const buildText = (entry: string): string => [...build(entry).values()].join('\n')

export interface Watched {
  readonly source: FilesSource
  readonly bursts: Burst[]
  readonly errors: Problem[]
  /** What was last built of each module. */
  readonly served: Map<string, string>
}

/** Follows a folder and builds what changes, as a server would. */
export const follow = (
  t: TestContext,
  directory: string,
  options: Partial<FilesOptions> = {},
): Watched => {
  const watched = {
    bursts: [] as Burst[],
    errors: [] as Problem[],
    served: new Map<string, string>(),
  }
  const source = createFilesSource({
    directory,
    settleMs: 200,
    maxWaitMs: 30_000,
    pollMs: 100,
    ...options,
    onBurst: (burst) => {
      watched.bursts.push(burst)
      const paths = new Map(burst.modules.map(({ name, path }) => [name, path]))
      for (const name of burst.removed) watched.served.delete(name)
      for (const name of [...burst.added, ...burst.changed]) {
        const built = build(paths.get(name) ?? '')
        watched.served.set(name, [...built.values()].join('\n'))
        source.watchInputs(name, built.keys())
      }
    },
    onError: (problem) => watched.errors.push(problem),
  })
  t.after(() => source.close())
  return { source, ...watched }
}

/** Runs a script in a second process, in the folder. */
export const inSecondProcess = (cwd: string, script: string): Promise<void> =>
  new Promise((done, fail) => {
    const prelude = `const fs = require('node:fs'); const { spawnSync } = require('node:child_process');
      const wait = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);`
    const child = spawn(process.execPath, ['-e', prelude + script], { cwd, stdio: 'inherit' })
    child.once('error', fail)
    child.once('exit', (code) => {
      if (code === 0) done()
      else fail(new Error(`the second process ended with ${code}`))
    })
  })

/** Waits for something to become true; the deadline is generous, it only keeps a broken run from hanging. */
export const until = async (isTrue: () => boolean, what: () => string): Promise<void> => {
  const deadline = Date.now() + 20_000
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error(`never came: ${what()}`)
    await new Promise((done) => {
      setTimeout(done, 5)
    })
  }
}
