import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Artifact } from '../../../src/modules/artifact.ts'
import { createBuilder, type Builder } from '../../../src/modules/build.ts'

/** A folder with real files, as an author has it. */
export interface Workspace {
  readonly folder: string
  readonly builder: Builder
  readonly path: (name: string) => string
  readonly write: (files: Readonly<Record<string, string>>) => void
  /** Builds and fails the test when that fails. */
  readonly artifact: (name: string) => Promise<Artifact>
  readonly close: () => Promise<void>
}

export function openWorkspace(files: Readonly<Record<string, string>> = {}): Workspace {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'turnout-module-')))
  const builder = createBuilder()
  const path = (name: string): string => join(folder, name)
  const write = (more: Readonly<Record<string, string>>): void => {
    for (const [name, text] of Object.entries(more)) {
      mkdirSync(dirname(path(name)), { recursive: true })
      writeFileSync(path(name), text)
    }
  }
  write(files)
  return {
    folder,
    builder,
    path,
    write,
    artifact: async (name) => {
      const outcome = await builder.build(path(name))
      if (!outcome.ok) throw new Error(outcome.problems.map(({ message }) => message).join('\n'))
      return outcome.artifact
    },
    close: async () => {
      await builder.close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** An ES-only and a CommonJS package, and one whose export changes after it was imported. */
export const packages: Readonly<Record<string, string>> = {
  'node_modules/esm-only/package.json': JSON.stringify({
    name: 'esm-only',
    version: '1.2.3',
    type: 'module',
    exports: { '.': './index.js', './data.json': './data.json' },
  }),
  'node_modules/esm-only/index.js':
    'export let count = 0\nexport function add() { count += 1; return this }\nexport default class Thing {}\nexport const loaded = await 7\nexport { loaded as "odd name" }\n',
  'node_modules/esm-only/data.json': '{"from":"package"}',
  'node_modules/common/package.json': JSON.stringify({ name: 'common', version: '4.5.6' }),
  'node_modules/common/index.js':
    'exports.named = "named"; exports.whole = __filename; exports.key = () => exports',
}
