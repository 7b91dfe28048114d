import { mkdirSync, mkdtempSync } from 'node:fs'
import { request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from '../../src/core/logger.ts'
import { createTurnout, type Turnout, type TurnoutOptions } from '../../src/turnout.ts'
import type { Told } from '../hot/support/embedded.ts'
import { removeFolder, save } from '../hot/support/served.ts'

const below = fileURLToPath(new URL('../../', import.meta.url))

/** A folder inside the package, so that its modules find the frameworks; gone when the test has ended. */
export function makeFolder(t: TestContext, files: Readonly<Record<string, string>>): string {
  mkdirSync(join(below, 'apps'), { recursive: true })
  const folder = mkdtempSync(join(below, 'apps/isolated-'))
  t.after(() => removeFolder(folder))
  for (const [name, text] of Object.entries(files)) save(folder, name, text)
  return folder
}

export interface Line {
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** A Turnout that follows a folder of modules. */
export interface Opened {
  readonly turnout: Turnout
  readonly folder: string
  readonly port: number
  /** What it logged. */
  readonly lines: readonly Line[]
  /** Waits for a line that is there already, or comes. */
  readonly line: (message: string, from?: number) => Promise<Line>
  readonly told: readonly Told[]
  /** Waits for an event that is there already, or comes. */
  readonly event: (isMeant: (told: Told) => boolean, from?: number) => Promise<Told>
  readonly ask: (path: string, asked?: Asked) => Promise<Answer>
  readonly text: (path: string) => Promise<string>
}

export interface Asked {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string | Buffer | readonly (string | Buffer)[]
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly raw: readonly string[]
  readonly body: Buffer
  readonly text: string
  /** The connection ended before the body did. */
  readonly isCut: boolean
}

export async function open(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  options: TurnoutOptions = {},
  prepare: (turnout: Turnout) => void = () => undefined,
): Promise<Opened> {
  const folder = makeFolder(t, files)
  const lines: Line[] = []
  const write =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      if (message !== 'request') lines.push({ level, message, fields: { ...fields } })
    }
  const logger: Logger = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  }
  const turnout = createTurnout({ logger, ...options })
  t.after(() => turnout.close(1_000))
  const told: Told[] = []
  for (const name of ['applied', 'rejected', 'retired'] as const)
    turnout.on(name, (event) => told.push({ name, event } as Told))
  prepare(turnout)
  await turnout.files(folder, { settleMs: 20 })
  const { port } = await turnout.listen({ port: 0 })
  return {
    turnout,
    folder,
    port,
    lines,
    line: (message, from = 0) =>
      until(() => lines.slice(from).find((one) => one.message === message)),
    told,
    event: (isMeant, from = 0) => until(() => told.slice(from).find(isMeant)),
    ask: (path, asked) => ask(port, path, asked),
    text: async (path) => {
      const { status, text } = await ask(port, path)
      return status === 200 ? text : String(status)
    },
  }
}

/** Looks until there is something. */
export async function until<Value>(look: () => Value | undefined | false): Promise<Value> {
  for (;;) {
    const found = look()
    if (found !== undefined && found !== false) return found
    await pause(5)
  }
}

/** Whether a process is there; one that has ended and was not waited for is not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

export function ask(port: number, path: string, asked: Asked = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body = [] } = asked
  return new Promise((resolve, reject) => {
    const sent = request({ port, path, method, headers, agent: false }, (response) => {
      const parts: Buffer[] = []
      const done = (isCut: boolean): void => {
        const whole = Buffer.concat(parts)
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          raw: response.rawHeaders,
          body: whole,
          text: whole.toString(),
          isCut,
        })
      }
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () => done(false))
      response.on('error', () => done(true))
    })
    sent.on('error', reject)
    const pieces = typeof body === 'string' || Buffer.isBuffer(body) ? [body] : body
    const write = async (): Promise<void> => {
      for (const piece of pieces) {
        sent.write(piece)
        if (pieces.length > 1) await pause(5)
      }
      sent.end()
    }
    void write()
  })
}
