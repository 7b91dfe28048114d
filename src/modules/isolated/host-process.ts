import { fork, type ChildProcess } from 'node:child_process'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { TurnoutError, problem } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { childEnvironment } from '../rehearsal-child.ts'
import type { HostListing, HostOrder, HostReply, HostRequest } from './messages.ts'
import { makePlace } from './reach.ts'

export interface HostProcessOptions {
  /** The script that it runs. */
  readonly entry: URL
  /** Null: no cap. */
  readonly memoryMb: number | null
  /** Of the module in the process. */
  readonly log: Logger
}

/** A process that does not answer for so many looks in a row is in an endless loop. */
const mostSilentLooks = 5
const lookMs = 1_000
/** For a module's own five seconds, and for its services. */
const disposeMs = 10_000
const megabyte = 1024 * 1024

/** What asks are waiting for. */
interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** The process of an isolated module as its worker sees it: open/dispose. It never keeps the worker alive by itself. */
export class HostProcess {
  readonly socket: string
  readonly startedAt: number
  /** Resolves with how it ended; never rejects. */
  readonly ended: Promise<string>
  /** In bytes, when it was last asked. */
  rssBytes: number
  /** Told at each look that it answered. */
  onLook: (() => void) | null
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #log: Logger
  readonly #waiting: Map<number, Waiting>
  readonly #looks: NodeJS.Timeout
  #silentLooks: number
  #killedFor: string | null
  #asked: number

  constructor({ entry, memoryMb, log }: HostProcessOptions) {
    const { folder, socket } = makePlace()
    this.socket = socket
    this.startedAt = performance.now()
    this.rssBytes = 0
    this.onLook = null
    this.#folder = folder
    this.#log = log
    this.#waiting = new Map()
    this.#silentLooks = 0
    this.#killedFor = null
    this.#asked = 0
    this.#child = fork(fileURLToPath(entry), [String(process.pid), folder], {
      execArgv: memoryMb === null ? [] : [`--max-old-space-size=${memoryMb}`],
      env: childEnvironment(process.env),
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // A state is more than JSON.
      serialization: 'advanced',
    })
    this.#child.on('message', (message) => this.#take(message as HostReply | null))
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(`it could not be started: ${error.message}`))
      this.#child.once('exit', (code, signal) => {
        const how = signal === null ? `it exited with code ${code}` : `it was ended by ${signal}`
        resolve(this.#killedFor ?? how)
      })
    }).then((reason) => this.#gone(reason as string))
    this.#looks = setInterval(() => this.#look(), lookMs).unref()
    this.#hold(false)
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Has it serve. Rejects with the problem that the module is, or with TURNOUT_MODULE_LOAD_TIMEOUT. */
  async open(order: Omit<HostOrder, 'socket'>, timeoutMs: number): Promise<HostListing> {
    const { file } = order
    const timer = setTimeout(() => {
      const reason = 'its process is not ready'
      this.#rejectAll(new TurnoutError('TURNOUT_MODULE_LOAD_TIMEOUT', { file, timeoutMs, reason }))
      this.kill('it was not ready in time')
    }, timeoutMs)
    try {
      return (await this.#ask({
        kind: 'open',
        order: { ...order, socket: this.socket },
      })) as HostListing
    } finally {
      clearTimeout(timer)
    }
  }

  /** A copy of its state. Rejects with TURNOUT_STATE_UNCLONEABLE. */
  state(): Promise<unknown> {
    return this.#ask({ kind: 'state' })
  }

  async settle(other: unknown): Promise<void> {
    await this.#ask({ kind: 'settle', other })
  }

  /** Lets the module give everything back, then ends it; past its deadline it is killed. */
  async dispose(): Promise<void> {
    const timer = setTimeout(() => {
      this.#log.warn('the process of an isolated module did not end in time', { pid: this.pid })
      this.kill('it did not end in time')
    }, disposeMs)
    // Whoever waits for its end must not run out of work, and exit, before it came.
    this.#hold(true)
    this.#ask({ kind: 'dispose' }).catch(() => undefined)
    await this.ended
    clearTimeout(timer)
  }

  kill(reason: string): void {
    this.#killedFor ??= reason
    this.#hold(true)
    this.#child.kill('SIGKILL')
  }

  /** Module code may send messages of its own to whoever it believes its parent to be. */
  #take(message: HostReply | null): void {
    switch (message?.kind) {
      case 'pong':
        this.#silentLooks = 0
        this.rssBytes = message.rssBytes
        this.onLook?.()
        return
      case 'log':
        if (isLevel(message.level)) this.#log[message.level](message.message, message.fields)
        return
      case 'done':
        this.#settled(message.id)?.resolve(message.value)
        return
      case 'failed':
        this.#settled(message.id)?.reject(TurnoutError.of(message.problem))
        return
      default:
    }
  }

  #settled(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (this.#waiting.size === 0) this.#hold(false)
    return waiting
  }

  #ask(request: Unsent<HostRequest>): Promise<unknown> {
    this.#asked += 1
    const id = this.#asked
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#hold(true)
      this.#send({ ...request, id })
      if (!this.#child.connected) this.#rejectAll(new HostEnded('it has ended'))
    })
  }

  #look(): void {
    if (this.#silentLooks >= mostSilentLooks) {
      this.kill(`it has not answered for ${mostSilentLooks} s`)
      return
    }
    this.#silentLooks += 1
    this.#send({ kind: 'ping' })
  }

  /** One that is gone cannot be sent to; its end tells the rest. */
  #send(request: HostRequest): void {
    if (this.#child.connected) this.#child.send(request, () => undefined)
  }

  #rejectAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }

  #gone(reason: string): string {
    clearInterval(this.#looks)
    this.#rejectAll(new HostEnded(reason))
    rmSync(this.#folder, { recursive: true, force: true })
    return reason
  }

  #hold(isHeld: boolean): void {
    for (const handle of [this.#child, this.#child.channel] as (NodeJS.RefCounted | null)[]) {
      if (isHeld) handle?.ref()
      else handle?.unref()
    }
  }
}

type Unsent<Request> = Request extends { readonly id: number } ? Omit<Request, 'id'> : never

const isLevel = (level: string): boolean => ['debug', 'info', 'warn', 'error'].includes(level)

/** It ended while something was asked of it. */
export class HostEnded extends Error {}

/** What came to nothing, as the problem of a module. */
export const endedProblem = (error: HostEnded, file: string): TurnoutError =>
  TurnoutError.of(problem('TURNOUT_MODULE_CRASHED', { file, reason: error.message }))

export const toMegabytes = (bytes: number): number => Math.round(bytes / megabyte)
