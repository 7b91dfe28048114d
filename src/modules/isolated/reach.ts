import { randomBytes } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Json } from '../../core/json.ts'
import type { Upstream } from '../../core/route/upstream.ts'

/** What the process answers without an envelope. */
export const healthPath = '/turnout-health'

/** Longest path of a socket that every system takes, with its end. */
const mostPathBytes = 100

/** Where a process listens. The folder is its own, and goes with it. */
export interface SocketPlace {
  readonly folder: string
  readonly socket: string
}

/** A new folder that only this user may enter; on Windows the name of a pipe that nobody can guess. */
export function makePlace(): SocketPlace {
  const name = 'turnout-'
  const isLong = Buffer.byteLength(join(tmpdir(), name)) + 'XXXXXX/s'.length > mostPathBytes
  const folder = mkdtempSync(join(isLong ? '/tmp' : tmpdir(), name))
  const pipe = `\\\\.\\pipe\\${name}${randomBytes(16).toString('hex')}`
  return { folder, socket: process.platform === 'win32' ? pipe : join(folder, 's') }
}

type Said = Readonly<Record<string, Json>>

/** A module has no deadlines of its own: its streams may be silent, and its answers long. */
const defaults: Readonly<Record<string, Said | false>> = {
  healthCheck: { path: healthPath, intervalMs: 2_000, timeoutMs: 2_000, healthyAfter: 1 },
  // There is no other endpoint to leave the work to.
  outlier: false,
  pool: { connections: 1_000, queue: 1_000, queueTimeoutMs: 5_000 },
  timeouts: { idleMs: 0, totalMs: 0 },
}

/** The upstream that a process is. `said`: what a config says of its settings. */
export function upstreamAt(name: string, socket: string, said: Said | undefined): Upstream {
  const settings: Record<string, Json> = { ...defaults, ...said }
  for (const [key, usual] of Object.entries(defaults)) {
    const own = said?.[key]
    if (usual !== false && typeof own === 'object' && own !== null)
      settings[key] = { ...usual, ...(own as Said) }
  }
  const endpoints = [{ url: `unix:${socket}`, weight: 1 }]
  return { name, owner: '', endpoints, settings, metadata: null, revision: 0 }
}
