import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './root.ts'

/** A fenced block of a page, with the marker comment in front of it. */
export interface Block {
  readonly line: number
  readonly language: string
  /** `file: NAME` writes it, `run` runs its `$` lines, `not run: WHY` is shown only; null: there is none. */
  readonly marker: string | null
  readonly text: string
}

const fence = /(?:^<!-- (?<marker>[^\n]+) -->\n+)?^```(?<language>\w+)[^\n]*\n(?<text>[^]*?)^```$/gm

export function blocksOf(page: string): Block[] {
  return [...page.matchAll(fence)].map(({ index, groups }) => ({
    line: page.slice(0, index).split('\n').length,
    language: groups!['language']!,
    marker: groups!['marker'] ?? null,
    text: groups!['text']!,
  }))
}

const main = fileURLToPath(new URL('dist/src/cli/main.js', root))

/** Times differ from run to run; a line of three dots stands for any lines. */
const matches = (actual: string, expected: string): boolean => {
  const plain = (text: string): string => text.replaceAll(/\d+(\.\d+)? m?s\b/g, 'N ms').trim()
  const pattern = plain(expected)
    .replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
    .replaceAll(/^(\\\.){3}$/gm, '[^]*?')
  return new RegExp(`^${pattern}$`).test(plain(actual))
}

/** Below what systems hand out for port 0: a page's port must stay its own while its server is exchanged. */
const freePort = async (): Promise<number> => {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

/** Whether something listens on a port. */
const accepts = async (port: number): Promise<boolean> => {
  const socket = connect(port, '127.0.0.1')
  const isOpen = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return isOpen
}

/** Of every server of a page, and of the commands that ask its admin API. */
const adminToken = 'the-token-of-the-examples-0123456789abcdef'

/** Runs a page from top to bottom in a folder of its own, on a port of its own in place of 8080. */
export class PageRun {
  readonly folder: string
  #port: number
  /** In place of 7070. */
  #admin: number
  #server: ChildProcess | null
  /** The folder that a `turnout` follows, with a slash; null while a program of the page serves, or nothing does. */
  #followed: string | null
  #output: string

  constructor(name: string) {
    // Inside the package, so that examples import `turnout` and its development dependencies by name.
    this.folder = fileURLToPath(new URL(`dist/docs/${name}`, root))
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 })
    mkdirSync(this.folder, { recursive: true })
    this.#port = 0
    this.#admin = 0
    this.#server = null
    this.#followed = null
    this.#output = ''
  }

  async write(name: string, text: string): Promise<void> {
    const file = join(this.folder, name)
    mkdirSync(dirname(file), { recursive: true })
    const seen = this.#output.length
    writeFileSync(file, await this.#ported(text))
    // The next request must meet what this save came to: an applied change, or a refused one.
    const isFollowed = this.#followed !== null && name.startsWith(this.#followed)
    if (isFollowed) await this.#until(() => /^[+↻−✗] /m.test(this.#output.slice(seen)), 'a change')
  }

  /** Runs every `$` line and compares what it prints with the lines below it; throws where they differ. */
  async run(text: string): Promise<void> {
    for (const step of text.split(/^\$ /m).slice(1)) {
      const end = step.indexOf('\n')
      const [command, expected] = [step.slice(0, end), step.slice(end + 1)]
      if (/^(npm start|npx turnout (dev|serve)|node \S+\.js)/.test(command))
        await this.#serve(command)
      else {
        const actual = await this.#shell(command)
        if (!matches(actual, expected)) {
          throw new Error(
            `$ ${command}\nprinted:\n${actual}\nthe page says:\n${expected}\n${this.#output}`,
          )
        }
      }
    }
  }

  async close(): Promise<void> {
    const server = this.#server
    this.#server = null
    if (server === null || server.exitCode !== null) return
    server.kill('SIGKILL')
    await once(server, 'close')
  }

  async #ported(text: string): Promise<string> {
    if (this.#port === 0) this.#port = await freePort()
    if (this.#admin === 0) this.#admin = await freePort()
    return text
      .replaceAll(/\b8080\b/g, String(this.#port))
      .replaceAll(/\b7070\b/g, String(this.#admin))
  }

  async #serve(command: string): Promise<void> {
    await this.close()
    const words = command.replace('npm start', 'npx turnout serve examples/hello').split(' ')
    const isOurs = words[0] === 'npx'
    const args = isOurs ? [main, ...words.slice(2)] : words.slice(1)
    this.#followed = isOurs ? `${words[3] ?? 'routes'}/` : null
    await this.#ported('')
    const env = {
      // What a module of a page keeps is one, whoever answers; and a process starts faster alone.
      TURNOUT_WORKERS: '0',
      ...process.env,
      PORT: String(this.#port),
      TURNOUT_ADMIN_LISTEN: `127.0.0.1:${this.#admin}`,
      TURNOUT_ADMIN_TOKEN: adminToken,
    }
    this.#server = spawn(process.execPath, args, { cwd: this.folder, env })
    for (const stream of [this.#server.stdout!, this.#server.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.#output += text))
    }
    await this.#until(() => accepts(this.#port), command)
    // What a data folder holds is served before commands are heard.
    if (isOurs) await this.#until(() => accepts(this.#admin), `the admin API of ${command}`)
  }

  async #until(isDone: () => boolean | Promise<boolean>, what: string): Promise<void> {
    const deadline = Date.now() + 20_000
    while (!(await isDone())) {
      if (Date.now() > deadline) throw new Error(`${what} did not come\n${this.#output}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async #shell(command: string): Promise<string> {
    const line = (await this.#ported(command))
      .replace(/^npx turnout/, `"${process.execPath}" "${main}"`)
      .replace(/^curl /, 'curl -s ')
    const env = { ...process.env, TURNOUT_ADMIN_TOKEN: adminToken }
    const child = spawn('bash', ['-c', `{ ${line}; } 2>&1`], { cwd: this.folder, env })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
    await once(child, 'close')
    return text
      .replaceAll(String(this.#port), '8080')
      .replaceAll(String(this.#admin), '7070')
      .replaceAll(`${this.folder}/`, '')
      .replaceAll('\r\n', '\n')
  }
}
