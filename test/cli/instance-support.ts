import { spawn } from 'node:child_process'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeFolder, startServe, type Served } from '../hot/support/served.ts'

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

/** Runs a command that ends by itself. */
export function runTurnout(
  folder: string,
  words: readonly string[],
  { environment = {}, input = '' }: { environment?: Record<string, string>; input?: string } = {},
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, ...words], {
      cwd: folder,
      env: { ...process.env, NO_COLOR: '1', ...environment },
      timeout: 60_000,
    })
    let out = ''
    let err = ''
    child.stdout.on('data', (text: Buffer) => (out += text.toString()))
    child.stderr.on('data', (text: Buffer) => (err += text.toString()))
    // A command that does not read ends before it has heard everything.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    child.once('close', (code) => resolve({ code, out, err }))
  })
}

export const users = `export default {
  version: '1.2.0',
  register: (routes) => void routes.get('/users/:id', (c) => c.text(c.param('id'))),
}
`

/** An instance in a process of its own that serves `users`, and a folder beside it to run commands in. */
export interface Running {
  readonly served: Served
  readonly folder: string
  /** Runs `turnout WORDS --data DATA`. */
  readonly turnout: (...words: readonly string[]) => Promise<Ran>
  /** The objects of `turnout WORDS --json`. */
  // oxlint-disable-next-line typescript/no-explicit-any -- its shape is what the tests assert
  readonly json: (...words: readonly string[]) => Promise<readonly any[]>
}

export async function startInstance(
  t: TestContext,
  files: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const served = await startServe(t, makeFolder(t, { 'users.js': users }))
  const folder = makeFolder(t, files)
  const turnout = (...words: readonly string[]) =>
    runTurnout(folder, [...words, '--data', served.data])
  const json = async (...words: readonly string[]) => {
    const { out } = await turnout(...words, '--json')
    return out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
  }
  return { served, folder, turnout, json }
}
