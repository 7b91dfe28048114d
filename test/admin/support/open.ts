import { mkdtempSync, rmSync } from 'node:fs'
import { request, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openAudit, type Audit } from '../../../src/admin/audit.ts'
import type { AdminLimits, AdminOptions } from '../../../src/admin/context.ts'
import type { AdminEvent } from '../../../src/admin/event-ring.ts'
import { openAdminServer, type AdminListenOptions } from '../../../src/admin/server.ts'
import { openTokens, type TokenStore } from '../../../src/admin/tokens.ts'
import { Publisher } from '../../../src/control/publisher.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { deployItem } from '../../../src/admin/deploy.ts'
import { createFakeRollouts } from './fake-rollouts.ts'
import { createMemoryStore } from '../../../src/store/memory.ts'
import { InProcessWorker } from '../../../src/worker/in-process.ts'

/** The token that may do everything. */
export const root = 'root-token-of-the-tests-0123456789abcdef'

export interface Opened {
  readonly directory: string
  readonly url: string
  readonly port: number
  readonly publisher: Publisher
  readonly tokens: TokenStore
  readonly audit: Audit
  readonly emit: (event: AdminEvent) => void
  /** Makes a token and returns it. */
  readonly token: (name: string, ...scopes: readonly string[]) => Promise<string>
  readonly send: (method: string, target: string, options?: Sending) => Promise<Received>
}

export interface Sending {
  readonly token?: string | null
  readonly headers?: Readonly<Record<string, string>>
  /** An object is sent as JSON. */
  readonly body?: unknown
  /** Address to connect from. */
  readonly from?: string
}

// oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers, which fail there if they are wrong
export type Answered = any

export interface Received {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly body: Answered
}

export function sendTo(
  port: number,
  method: string,
  target: string,
  { token = root, headers = {}, body, from }: Sending = {},
): Promise<Received> {
  const text = typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        method,
        path: target,
        ...(from === undefined ? {} : { localAddress: from }),
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(text === '' ? {} : { 'content-type': 'application/json' }),
          ...(text === '' ? {} : { 'content-length': String(Buffer.byteLength(text)) }),
          ...headers,
        },
      },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('error', reject)
        answer.on('end', () => {
          const received = Buffer.concat(chunks).toString()
          const isJson = /json/.test(answer.headers['content-type'] ?? '')
          resolve({
            status: answer.statusCode!,
            headers: answer.headers,
            text: received,
            body: isJson && received !== '' ? JSON.parse(received) : null,
          })
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.end(text === '' ? undefined : text)
  })
}

/** A publisher on a memory store and the admin API in front of it, on a port of its own. */
const unlimited = { perSecond: 1e6, burst: 1e6 }

export async function open(
  t: Pick<TestContext, 'after'>,
  options: { readonly limits?: Partial<AdminLimits> } & Partial<AdminOptions> = {},
  listen: Partial<AdminListenOptions> = {},
): Promise<Opened> {
  const directory = mkdtempSync(join(tmpdir(), 'turnout-admin-'))
  const listeners = new Set<(event: AdminEvent) => void>()
  const emit = (event: AdminEvent): void => {
    for (const listener of listeners) listener(event)
  }
  const worker = new InProcessWorker({
    services: () => Promise.resolve({}),
    log: silentLogger,
    drainMs: 0,
    streamDrainMs: 0,
    onRetired: () => undefined,
  })
  const publisher = new Publisher({
    worker,
    store: createMemoryStore(),
    keep: 100,
    conflicts: 'ambiguous',
    onApplied: ({ number, author }) =>
      emit({ name: 'applied', data: { revision: number, author } }),
    onRejected: ({ author }) => emit({ name: 'rejected', data: { author } }),
  })
  const tokens = await openTokens(directory, root)
  const serving = { revision: 0, digest: publisher.current.revision.digest }
  const audit = await openAudit(directory, serving, { logger: silentLogger, now: Date.now })
  const server = await openAdminServer(
    {
      control: publisher,
      rollouts: createFakeRollouts({ serving: { users: '1.0.0' } }),
      besideItem: (module) => deployItem(module),
      tokens,
      audit,
      logger: silentLogger,
      probe: ({ method, url }) => ({ method, url, kind: 'miss' }),
      status: () => ({ name: 'test' }),
      readiness: () => ({ isReady: true, reasons: [] }),
      moduleFacts: () => null,
      upstreamNames: () => worker.upstreamNames(),
      upstreamStatus: (name) => worker.upstreamStatus(name),
      forceBreaker: (name, state) => worker.forceBreaker(name, state),
      workers: () => [],
      scrape: () => Promise.resolve({ type: 'text/plain; version=0.0.4', text: 'a 1\n' }),
      restart: () => Promise.resolve([]),
      loadUpload: () => Promise.resolve({ ok: false, problems: [] }),
      subscribe: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      ...options,
      limits: { changes: unlimited, allChanges: unlimited, ...options.limits },
    },
    { host: '127.0.0.1', port: 0, ...listen },
  )
  t.after(async () => {
    await server.close(1_000)
    await publisher.close()
    await audit.close()
    rmSync(directory, { recursive: true, force: true })
  })
  return {
    directory,
    url: server.url,
    port: server.port,
    publisher,
    tokens,
    audit,
    emit,
    token: async (name, ...scopes) =>
      (await tokens.create({ name, scopes, expiresAt: null }, Date.now())).token,
    send: (method, target, sending) => sendTo(server.port, method, target, sending),
  }
}

/** What routes of the tests lead to. */
export const target = { respond: { status: 200 } }
