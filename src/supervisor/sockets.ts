import { lookup } from 'node:dns/promises'
import * as net from 'node:net'
import { getSystemErrorName } from 'node:util'
import { TurnoutError } from '../core/errors.ts'
import { thrownMessage } from '../core/thrown.ts'
import type { ListenOptions } from '../server/node-listener.ts'
import type { SocketPlace } from './messages.ts'
import type { WorkerProcess } from './worker-process.ts'

interface Handle {
  close(): void
  getsockname(out: { address?: string; port?: number }): number
}

/** What `cluster` binds its sockets with; its handle is bound, and accepts nothing here. */
type Bind = (address: string, port: number, family: number) => Handle | number

let lastKey = 0

/**
 * A bound socket that workers accept from, each by itself: who is killed takes nothing along but the connections that it
 * had accepted. The port stays bound until `close`, whoever lives.
 */
export class SharedSocket {
  readonly key: number
  readonly host: string
  readonly port: number
  url: string
  readonly #handle: Handle
  readonly #place: SocketPlace

  private constructor(handle: Handle, options: ListenOptions, host: string, port: number) {
    lastKey += 1
    this.key = lastKey
    this.host = host
    this.port = port
    this.url = ''
    this.#handle = handle
    this.#place = { key: this.key, host, port, tls: options.tls }
  }

  /** Rejects with TURNOUT_LISTEN_FAILED. */
  static async bind(options: ListenOptions): Promise<SharedSocket> {
    const { host, port } = options
    const failed = (reason: string): TurnoutError =>
      new TurnoutError('TURNOUT_LISTEN_FAILED', { host, port, reason })
    const found = await lookup(host).catch((error: unknown) => {
      throw failed(thrownMessage(error))
    })
    const { _createServerHandle: bind } = net as unknown as { _createServerHandle?: Bind }
    if (bind === undefined) throw failed('this Node cannot share sockets; use `--workers 0`')
    const handle = bind(found.address, port, found.family)
    if (typeof handle === 'number') throw failed(getSystemErrorName(handle))
    const bound: { address?: string; port?: number } = {}
    handle.getsockname(bound)
    // libuv tells a taken port no sooner than the first `listen`, and then only in this process.
    if (bound.port === undefined || bound.port === 0 || (port !== 0 && bound.port !== port)) {
      handle.close()
      throw failed('EADDRINUSE')
    }
    return new SharedSocket(handle, options, bound.address ?? found.address, bound.port)
  }

  /** Lets a worker accept from it. Rejects as a listener's opening does. */
  async enter(worker: WorkerProcess): Promise<void> {
    const { url } = await worker.ask('listen', [this.#place, undefined], undefined, this.#handle)
    this.url = url
  }

  /** Resolves with the connections that were cut; null: it is gone. */
  async leave(worker: WorkerProcess, deadlineMs: number): Promise<number> {
    try {
      return await worker.ask('unlisten', [this.key, deadlineMs], deadlineMs + 5_000)
    } catch {
      return 0
    }
  }

  close(): void {
    this.#handle.close()
  }
}
