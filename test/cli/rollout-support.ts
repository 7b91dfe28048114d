import type { TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { rolloutItem } from '../../src/admin/rollout-item.ts'
import { createPaint } from '../../src/cli/colour.ts'
import { runProgram } from '../../src/cli/program.ts'
import {
  createFakeRollouts,
  type FakeOptions,
  type FakeRollouts,
} from '../admin/support/fake-rollouts.ts'
import { open, root, type Opened } from '../admin/support/open.ts'

/** A command that runs, and what it has said so far. */
export interface Running {
  readonly out: () => string
  readonly err: () => string
  readonly code: Promise<number>
  /** Resolves when it has said this. */
  readonly says: (text: string | RegExp) => Promise<void>
}

export interface RunOptions {
  readonly isTerminal?: boolean
  readonly folder?: string
  readonly input?: string
  readonly token?: string
}

/** `turnout WORDS` in this process, in front of the admin API at `url`. */
export function runCommand(
  url: string,
  words: readonly string[],
  { isTerminal = false, folder = '/', input = '', token = root }: RunOptions = {},
): Running {
  const said = { out: '', err: '' }
  const code = runProgram([...words, '--admin', url], {
    version: '9.9.9',
    loadCommands: () => Promise.reject(new Error('no folder is served')),
    loadInstanceCommands: () => import('../../src/cli/instance/run.ts'),
    terminal: {
      out: (text) => void (said.out += text),
      err: (text) => void (said.err += text),
      paintOut: createPaint(false),
      paintErr: createPaint(false),
      isTerminal,
      environment: { TURNOUT_ADMIN_TOKEN: token },
      workingDirectory: folder,
      read: () => Promise.resolve(input),
    },
  })
  let isOver = false
  code.then(
    () => (isOver = true),
    () => (isOver = true),
  )
  const has = (text: string | RegExp): boolean =>
    typeof text === 'string' ? said.out.includes(text) : text.test(said.out)
  return {
    out: () => said.out,
    err: () => said.err,
    code,
    says: async (text) => {
      while (!has(text)) {
        if (isOver && !has(text))
          throw new Error(`it never said ${String(text)}: ${said.out}${said.err}`)
        await wait(5)
      }
    },
  }
}

/** An admin API over HTTP whose rollouts the test moves. */
export interface RolloutServer extends Opened {
  readonly rollouts: FakeRollouts
}

export const serving: Readonly<Record<string, string>> = {
  users: '1.3.0',
  shop: 'revision 1',
  pool: 'revision 1',
}

/** When everything begins. */
export const beginning: number = Date.parse('2026-05-01T12:00:00.000Z')

export async function openRollouts(
  t: Pick<TestContext, 'after'>,
  options: FakeOptions & Parameters<typeof open>[1] = {},
  listen: Parameters<typeof open>[2] = {},
): Promise<RolloutServer> {
  const emits: { emit: Opened['emit'] | null } = { emit: null }
  const rollouts = createFakeRollouts({
    serving,
    now: () => beginning,
    onChange: (view) =>
      emits.emit?.({ name: 'rollout', data: JSON.parse(JSON.stringify(rolloutItem(view))) }),
    ...options,
  })
  const opened = await open(t, { rollouts, ...options }, listen)
  emits.emit = opened.emit
  return { ...opened, rollouts }
}
