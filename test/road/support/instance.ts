import { readFileSync, writeFileSync } from 'node:fs'
import { Agent, get, request } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  removeFolder,
  startServe,
  type ServeOptions,
  type Served,
} from '../../hot/support/served.ts'

/** An answer of the admin API, or of the data port. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers, which fail there if they are wrong
  readonly body: any
}

export interface Sending {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly token?: string
}

/** A `turnout serve` with failpoints, and what asks it. */
export interface Instance extends Served {
  readonly token: string
  /** Milliseconds from its start to the first 200 on the data port; null: not asked for. */
  readonly firstServedMs: Promise<number> | null
  /** One request to the admin API. */
  readonly send: (method: string, target: string, sending?: Sending) => Promise<Answer>
  /** One request to the data port. */
  readonly ask: (path: string, method?: string) => Promise<Answer>
  /** One request to any of its listeners. */
  readonly askAs: (url: string, method: string, target: string, sending: Sending) => Promise<Answer>
  /** Arms a failpoint; resolves when it is armed. */
  readonly arm: (failpoint: string) => Promise<void>
}

export interface InstanceOptions extends ServeOptions {
  /** Armed from the start. */
  readonly failpoint?: string
  /** Asked for from the start on, until it is answered 200. */
  readonly firstPath?: string
}

const preload = new URL('failpoints.js', import.meta.url).href

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

/** A data folder beside a folder of modules; gone when the test has ended. */
export function dataFolder(t: Pick<TestContext, 'after'>, folder: string): string {
  const data = `${folder}-data`
  t.after(() => {
    for (const path of [data, `${data}-failpoint`]) removeFolder(path)
  })
  return data
}

/** Starts an instance on a data folder; rejects when it ends before it is ready. */
export async function startInstance(
  t: Pick<TestContext, 'after'>,
  folder: string,
  { failpoint, firstPath, ...options }: InstanceOptions & { readonly data: string },
): Promise<Instance> {
  const port = options.port ?? (await freePort())
  const file = `${options.data}-failpoint`
  let firstServedMs: Promise<number> | null = null
  const isOver = { yes: false }
  let served: Served
  try {
    served = await startServe(t, folder, {
      ...options,
      port,
      node: ['--import', preload],
      environment: {
        // What is looked at is the road of a change: a process starts faster alone.
        TURNOUT_WORKERS: process.env['TURNOUT_WORKERS'] ?? '0',
        TURNOUT_TEST_FAILPOINT_FILE: file,
        ...(failpoint === undefined ? {} : { TURNOUT_TEST_FAILPOINT: failpoint }),
        ...options.environment,
      },
      onStart: () => {
        if (firstPath !== undefined) firstServedMs = untilServed(port, firstPath, isOver)
      },
    })
  } catch (error) {
    isOver.yes = true
    throw error
  }
  void served.ended.then(() => (isOver.yes = true))
  const token = readFileSync(join(options.data, 'admin-token'), 'utf8').trim()
  // Connections that nobody used for long are given up before the other side does: no request may meet that moment.
  const agent = new Agent({ keepAlive: true, timeout: 10_000 })
  t.after(() => agent.destroy())
  return {
    ...served,
    token,
    firstServedMs,
    send: (method, target, sending) =>
      exchange(agent, served.admin + target, method, { token, ...sending }),
    ask: (path, method = 'GET') => exchange(agent, `http://127.0.0.1:${port}${path}`, method, {}),
    askAs: (url, method, target, sending) => exchange(agent, url + target, method, sending),
    arm: async (text) => {
      writeFileSync(file, text)
      const armed = served.next(({ event }) => event === 'armed')
      process.kill(served.pid, 'SIGUSR2')
      await armed
    },
  }
}

async function untilServed(
  port: number,
  path: string,
  isOver: { readonly yes: boolean },
): Promise<number> {
  const startedAt = performance.now()
  while (!isOver.yes) {
    const status = await new Promise<number>((resolve) => {
      get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
        response.resume()
        response.on('close', () => resolve(response.statusCode ?? 0))
      }).on('error', () => resolve(0))
    })
    if (status === 200) return performance.now() - startedAt
    await delay(4)
  }
  return Number.NaN
}

/** The other side may give up an idle connection in the very moment in which it is used again. */
async function exchange(
  agent: Agent,
  url: string,
  method: string,
  sending: Sending,
): Promise<Answer> {
  try {
    return await exchangeOnce(agent, url, method, sending)
  } catch (error) {
    const isLate = method === 'GET' && /reused: true: socket hang up/.test(String(error))
    if (!isLate) throw error
    return exchangeOnce(agent, url, method, sending)
  }
}

function exchangeOnce(
  agent: Agent,
  url: string,
  method: string,
  { body, headers = {}, token }: Sending,
): Promise<Answer> {
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        agent,
        method,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(text === '' ? {} : { 'content-type': 'application/json' }),
          ...(text === '' ? {} : { 'content-length': String(Buffer.byteLength(text)) }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const received = Buffer.concat(chunks).toString()
          const isJson = /json/.test(response.headers['content-type'] ?? '') && received !== ''
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            text: received,
            body: isJson ? JSON.parse(received) : null,
          })
        })
      },
    )
    outgoing.on('error', (error) =>
      reject(
        new Error(`${method} ${url}, reused: ${outgoing.reusedSocket}: ${error.message}`, {
          cause: error,
        }),
      ),
    )
    outgoing.end(text === '' ? undefined : text)
  })
}
