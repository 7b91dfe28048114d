import { ChildProcess } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Server, Socket } from 'node:net'
import type { HolderKind } from '../../core/leak.ts'
import { dialing } from '../../gateway/upstream/dial.ts'
import { moduleFrame } from '../../modules/frame.ts'

/** Something that the system holds open, and where code of a module took it. */
export interface Handle {
  readonly handle: object
  readonly kind: HolderKind
  readonly frame: string
  readonly since: number
}

/** Frames between a module and the socket: clients of databases have a few of their own. */
const depth = 30
/** Of more it is not known where they were taken. */
const mostHandles = 10_000
const leastSwept = 64
/** What was taken just now may have nothing to show yet. */
const youngMs = 1_000

type Method = (this: object, ...args: unknown[]) => unknown

/**
 * Notes where modules open sockets, servers and child processes. In a process of our own by a trap before the method that
 * every way leads through; elsewhere nothing of Node's is changed, and only `net.connect` and what stands on it is seen.
 * A connection costs some microseconds more. Open/close.
 */
export class Handles {
  readonly #undo: (() => void)[]
  readonly #isNeeded: () => boolean
  #all: Handle[]
  #sweepAt: number

  /** `isNeeded`: there is a module whose it could be. */
  constructor(isOwnProcess: boolean, isNeeded: () => boolean) {
    this.#isNeeded = isNeeded
    this.#all = []
    this.#sweepAt = leastSwept
    this.#undo = isOwnProcess
      ? [
          this.#trap(Socket.prototype, 'connect', 'socket'),
          this.#trap(Server.prototype, 'listen', 'server'),
          this.#trap(ChildProcess.prototype, 'spawn', 'process'),
        ]
      : [this.#listen()]
  }

  #trap(prototype: object, name: string, kind: HolderKind): () => void {
    const target = prototype as Record<string, Method>
    const original = target[name]!
    const note = (handle: object): void => this.#note(handle, kind)
    const trap: Method = function trap(...args) {
      note(this)
      return original.apply(this, args)
    }
    Object.defineProperty(trap, 'name', { value: name })
    target[name] = trap
    return () => {
      if (target[name] === trap) target[name] = original
    }
  }

  #listen(): () => void {
    const listener = (message: unknown): void =>
      this.#note((message as { readonly socket: object }).socket, 'socket')
    subscribe('net.client.socket', listener)
    return () => void unsubscribe('net.client.socket', listener)
  }

  #note(handle: object, kind: HolderKind): void {
    if (dialing.isUnderWay || this.#all.length >= mostHandles || !this.#isNeeded()) return
    const frame = moduleFrame(depth)
    if (frame === null) return
    this.#all.push({ handle, kind, frame, since: Date.now() })
    if (this.#all.length < this.#sweepAt) return
    this.#sweep()
    this.#sweepAt = Math.max(leastSwept, this.#all.length * 2)
  }

  #sweep(): void {
    const young = Date.now() - youngMs
    this.#all = this.#all.filter((one) => one.since > young || isOpen(one))
  }

  /** Those that are open now. */
  open(): readonly Handle[] {
    this.#sweep()
    return this.#all.filter(isOpen)
  }

  close(): void {
    for (const undo of this.#undo) undo()
    this.#all = []
  }
}

interface Seen {
  readonly destroyed?: boolean
  readonly listening?: boolean
  readonly exitCode?: number | null
  readonly signalCode?: string | null
  readonly pid?: number
  readonly _httpMessage?: unknown
}

/** One that a pool of Node's keeps for whoever comes next is nobody's. */
const isOpen = ({ handle, kind }: Handle): boolean => {
  const seen = handle as Seen
  if (kind === 'socket') return seen.destroyed === false && !isPooled(seen)
  if (kind === 'server') return seen.listening === true
  return seen.pid !== undefined && seen.exitCode === null && seen.signalCode === null
}

const isPooled = (socket: Seen): boolean => socket._httpMessage === null

interface Addressed {
  readonly remoteAddress?: string
  readonly remotePort?: number
  readonly connecting?: boolean
  readonly spawnfile?: string
  readonly pid?: number
  address?(): string | { readonly port?: number } | null
}

/** `socket to 127.0.0.1:6379`, `server on port 9000`, `child process 4711 (sleep)`. */
export function handleText({ handle, kind }: Pick<Handle, 'handle' | 'kind'>): string {
  const { remoteAddress, remotePort, connecting, spawnfile, pid } = handle as Addressed
  if (kind === 'process') return `child process ${pid} (${spawnfile})`
  if (kind === 'server') {
    const at = (handle as Addressed).address?.() ?? null
    if (typeof at === 'string') return `server on ${at}`
    return `server on port ${at?.port ?? 'unknown'}`
  }
  if (remoteAddress !== undefined) return `socket to ${remoteAddress}:${remotePort}`
  return connecting === true ? 'socket that still connects' : 'socket'
}
