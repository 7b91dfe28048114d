import { spawn } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

/** One line of `--json`. */
export interface ServedEvent {
  readonly event: string
  readonly [name: string]: unknown
}

/** A problem as `--json` shows it. */
export interface ServedProblem {
  readonly code: string
  readonly message: string
  readonly place?: { readonly file: string; readonly line: number; readonly column: number }
}

/** A `turnout serve` that runs in a process of its own. */
export interface Served {
  readonly port: number
  /** Of the admin API. */
  readonly admin: string
  /** The data folder. */
  readonly data: string
  readonly pid: number
  readonly events: readonly ServedEvent[]
  /** What it wrote to standard error so far: its log. */
  readonly log: () => string
  /** The next event that is meant, of those that come from now on (or from position `from` of `events`). */
  readonly next: (isMeant: (event: ServedEvent) => boolean, from?: number) => Promise<ServedEvent>
  /** Ends it as a process manager does; resolves with its exit code. */
  readonly stop: () => Promise<number | null>
  /** Resolves when it is gone and everything that it said was read: with the signal, or the exit code. */
  readonly ended: Promise<NodeJS.Signals | number | null>
}

/** What may be different about a `turnout serve`. */
export interface ServeOptions {
  readonly words?: readonly string[]
  /** The data folder; by default one that is gone when the test has ended. */
  readonly data?: string
  /** By default a free one. */
  readonly port?: number
  readonly environment?: Readonly<Record<string, string>>
  /** Words for Node, before the program's own. */
  readonly node?: readonly string[]
  /** Where its log goes, a line for each request; by default what it says is kept for errors. */
  readonly log?: string
  /** Called when the process was started, long before it is ready. */
  readonly onStart?: () => void
}

/** An answer of a request made with `ask`. */
export interface Asked {
  readonly status: number
  readonly text: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** Longest wait for anything; only a hang is as slow as that. */
const patienceMs = 60_000

/** A folder that is gone when the test has ended. */
export function makeFolder(
  t: Pick<TestContext, 'after'>,
  files: Readonly<Record<string, string>> = {},
): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'turnout-hot-')))
  t.after(() => removeFolder(folder))
  for (const [name, text] of Object.entries(files)) save(folder, name, text)
  return folder
}

/** A server of the test may still write there: what stops it may come after this. Then it goes with the process. */
export function removeFolder(folder: string): void {
  const options = { recursive: true, force: true } as const
  try {
    rmSync(folder, { ...options, maxRetries: 5, retryDelay: 20 })
  } catch {
    process.once('exit', () => rmSync(folder, options))
  }
}

/** Writes a file as careful editors do: beside it first, then in its place in one step. */
export function save(folder: string, name: string, text: string): void {
  const path = join(folder, name)
  mkdirSync(dirname(path), { recursive: true })
  const beside = join(dirname(path), `.saving-${process.pid}`)
  writeFileSync(beside, text)
  renameSync(beside, path)
}

/** Starts `turnout serve --json` on a free port and waits until it is ready. */
export async function startServe(
  t: Pick<TestContext, 'after'>,
  folder: string,
  { words = [], port: wanted = 0, environment = {}, node = [], ...options }: ServeOptions = {},
): Promise<Served> {
  const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))
  const data = options.data ?? `${folder}-data`
  const own = ['--data', data, '--admin', '127.0.0.1:0', '--port', String(wanted)]
  if (options.data === undefined) t.after(() => removeFolder(data))
  // All of it is held against the table of fields; a line for each request is for those who ask for it.
  const requests = options.log === undefined ? 'off' : 'on'
  const stderr = options.log === undefined ? 'pipe' : openSync(options.log, 'a')
  const child = spawn(
    process.execPath,
    [...node, main, 'serve', folder, '--json', '--access-log', requests, ...own, ...words],
    // One worker: what a module keeps is one, whoever answers.
    {
      cwd: folder,
      stdio: ['ignore', 'pipe', stderr],
      env: { TURNOUT_WORKERS: '1', ...process.env, ...environment },
    },
  )
  if (typeof stderr === 'number') closeSync(stderr)
  options.onStart?.()
  const events: ServedEvent[] = []
  const listeners = new Set<() => void>()
  let errors = ''
  let rest = ''
  let ended: string | null = null
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text))
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const event = JSON.parse(line) as ServedEvent
      if (typeof event.event === 'string') events.push(event)
      else errors += `${line}\n`
    }
    for (const listener of listeners) listener()
  })
  const closed = new Promise<NodeJS.Signals | number | null>((resolve) => {
    child.once('close', (code, signal) => {
      ended = `ended with ${signal ?? code}`
      for (const listener of listeners) listener()
      resolve(signal ?? code)
    })
  })

  const next: Served['next'] = (isMeant, from = events.length) =>
    new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer)
        listeners.delete(look)
        settle()
      }
      const look = (): void => {
        const found = events.slice(from).find(isMeant)
        if (found !== undefined) finish(() => resolve(found))
        else if (ended !== null)
          finish(() => reject(new Error(`serve ${ended}\n${JSON.stringify(events)}\n${errors}`)))
      }
      const timer = setTimeout(() => {
        const seen = JSON.stringify(events.slice(from), null, 1)
        finish(() => reject(new Error(`the event did not come; since then: ${seen}\n${errors}`)))
      }, patienceMs)
      listeners.add(look)
      look()
    })

  const stop = async (): Promise<number | null> => {
    child.kill('SIGTERM')
    const code = await closed
    return typeof code === 'number' ? code : null
  }
  t.after(async () => {
    if (ended === null) child.kill('SIGKILL')
    await closed
  })

  const ready = (await next(({ event }) => event === 'ready', 0)) as unknown as {
    readonly urls: readonly string[]
    readonly admin: string
  }
  const port = Number(new URL(ready.urls[0]!).port)
  const log = (): string => errors
  const pid = child.pid!
  return { port, admin: ready.admin, data, pid, events, log, next, stop, ended: closed }
}

/** One request on a connection of its own. */
export function ask(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Asked> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (text += part))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text, headers: response.headers }),
      )
      response.on('error', reject)
    }).on('error', reject)
  })
}

/** The `applied` event by which a module got this version. */
export const isApplied =
  (module: string, version: string) =>
  ({ event, modules }: ServedEvent): boolean =>
    event === 'applied' &&
    (modules as readonly { module: string; to?: string }[]).some(
      (one) => one.module === module && one.to === version,
    )

/** The `rejected` event of a module. */
export const isRejected =
  (module: string) =>
  (event: ServedEvent): boolean =>
    event.event === 'rejected' && event['module'] === module

/** Problems of a `rejected` event. */
export const problemsOf = (event: ServedEvent): readonly ServedProblem[] =>
  event['problems'] as readonly ServedProblem[]
