import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

interface Use {
  /** Exchanges in flight. */
  open: number
  /** Sweep at which the last one ended. */
  usedAt: number
}

const sweepMs = 5_000

/**
 * The keep-alive connections of a listener: who has been idle too long is closed by one sweep every few seconds,
 * because a timer per answer costs more than the answer's routing. Open until `close`.
 */
export class Connections {
  readonly #uses: Map<Socket, Use>
  readonly #pending: Set<ServerResponse>
  readonly #timer: NodeJS.Timeout
  readonly #idleSweeps: number
  #sweep: number

  constructor(idleMs: number) {
    this.#uses = new Map()
    this.#pending = new Set()
    this.#idleSweeps = Math.ceil(idleMs / sweepMs)
    this.#sweep = 0
    this.#timer = setInterval(() => this.sweep(), sweepMs)
    this.#timer.unref()
  }

  add(socket: Socket): void {
    this.#uses.set(socket, { open: 0, usedAt: this.#sweep })
    socket.once('close', () => this.#uses.delete(socket))
  }

  /** An exchange began on this connection; `done` is its end, undefined where it has ended already. */
  track(socket: Socket, response: ServerResponse, done: Promise<void> | void): void {
    const use = this.#uses.get(socket)
    if (use === undefined) return
    use.usedAt = this.#sweep
    if (done === undefined) return
    use.open += 1
    this.#pending.add(response)
    const ended = (): void => {
      this.#pending.delete(response)
      use.open -= 1
      use.usedAt = this.#sweep
    }
    done.then(ended, ended)
  }

  /** Closes who has been idle for longer than the limit; what still flows out is not idle. */
  sweep(): void {
    this.#sweep += 1
    for (const [socket, { open, usedAt }] of this.#uses) {
      const isIdle = open === 0 && socket.writableLength === 0
      if (isIdle && this.#sweep - usedAt > this.#idleSweeps) socket.destroy()
    }
  }

  /** Answers that are not on their way yet will say that they are the last on their connection. */
  sayLast(): void {
    for (const response of this.#pending)
      if (!response.headersSent) response.shouldKeepAlive = false
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
