import process from 'node:process'
import type { Socket } from 'node:net'
import type { ClientOptions, ClientStats, FailureKind } from './client.ts'
import { Connection, type ConnectionPool } from './connection.ts'
import type { Dial } from './dial.ts'
import type { ExchangePool, OutgoingExchange } from './outgoing.ts'
import { startSweep, type Swept } from './sweep.ts'

const reasons: Readonly<Partial<Record<FailureKind, string>>> = {
  connect: 'no connection within the deadline',
  tls: 'the TLS handshake did not end within the deadline',
  'headers-timeout': 'no answer within the deadline',
  'idle-timeout': 'nothing moved within the deadline',
}

/**
 * The connections of one endpoint. Acquire/release; open/close.
 *
 *   acquire: the idle one that was used last, else a new one, else wait, else `busy`
 */
export class Pool implements ConnectionPool, ExchangePool, Swept {
  readonly mostRequests: number
  readonly #options: ClientOptions
  readonly #dial: Dial
  readonly #isTls: boolean
  readonly #all = new Set<Connection>()
  /** The last one is used next: the others get old, and the pool shrinks to what is needed. */
  readonly #idle: Connection[] = []
  /** Those that others use for other protocols. They count, for the endpoint has to carry them. */
  readonly #upgraded = new Set<Socket>()
  /** In the order in which they came; whose request is whole goes first. */
  readonly #waiting = new Set<OutgoingExchange>()
  readonly #onClosed: (() => void)[] = []
  #isClosing = false

  constructor(dial: Dial, isTls: boolean, options: ClientOptions) {
    this.#dial = dial
    this.#isTls = isTls
    this.#options = options
    this.mostRequests = options.pool.requestsPerConnection
  }

  get stats(): ClientStats {
    return {
      connections: this.#all.size,
      idle: this.#idle.length,
      waiting: this.#waiting.size,
      upgraded: this.#upgraded.size,
    }
  }

  acquire(exchange: OutgoingExchange, now: number): void {
    const { connections, queue } = this.#options.pool
    if (this.#isClosing) {
      this.#refuse(exchange, 'connect', 'the endpoint is not used any more')
      return
    }
    const idle = this.#idle.pop()
    if (idle !== undefined) this.#use(idle, exchange, now)
    else if (this.#all.size + this.#upgraded.size < connections) this.#open(exchange)
    else if (this.#waiting.size < queue) this.#waiting.add(exchange)
    else this.#refuse(exchange, 'busy', `${connections} connections in use, ${queue} waiting`)
  }

  release(connection: Connection, now: number): void {
    const { maxLifetimeMs } = this.#options.pool
    if (connection.isWornOut || now - connection.openedAt >= maxLifetimeMs) {
      this.discard(connection)
      return
    }
    const next = this.#nextWaiting()
    if (next !== undefined) {
      this.#use(connection, next, now)
    } else if (this.#isClosing) {
      this.discard(connection)
    } else {
      connection.since = now
      this.#idle.push(connection)
    }
  }

  discard(connection: Connection): void {
    connection.destroy()
    if (!this.#all.delete(connection)) return
    const at = this.#idle.indexOf(connection)
    if (at >= 0) this.#idle.splice(at, 1)
    this.#leftOne()
  }

  handOver(connection: Connection, socket: Socket): void {
    this.#all.delete(connection)
    this.#upgraded.add(socket)
    socket.once('close', () => {
      this.#upgraded.delete(socket)
      this.#leftOne()
    })
  }

  /** There is room for another connection. */
  #leftOne(): void {
    const next = this.#nextWaiting()
    if (next !== undefined) this.#open(next)
    this.#tellClosed()
  }

  leave(exchange: OutgoingExchange): void {
    this.#waiting.delete(exchange)
    this.#tellClosed()
  }

  close(onClosed: () => void): void {
    this.#isClosing = true
    this.#onClosed.push(onClosed)
    while (this.#idle.length > 0) this.discard(this.#idle.at(-1)!)
    this.#tellClosed()
  }

  destroy(): void {
    this.#isClosing = true
    const reason = 'the endpoint is not used any more'
    // Those that wait go first, or they would get the connections of the others.
    for (const exchange of this.#waiting) exchange.abort(reason)
    for (const connection of this.#all) {
      if (connection.exchange === null) this.discard(connection)
      else connection.exchange.abort(reason)
    }
    for (const socket of this.#upgraded) socket.destroy()
  }

  sweep(now: number): boolean {
    const { idleTimeoutMs, maxLifetimeMs, queueTimeoutMs } = this.#options.pool
    for (const connection of this.#all) {
      if (connection.exchange === null) {
        const isOld = now - connection.openedAt >= maxLifetimeMs
        if (isOld || now - connection.since >= idleTimeoutMs) this.discard(connection)
      } else this.#watch(connection, connection.exchange, now)
    }
    for (const exchange of this.#waiting) {
      // All wait for the same time, so those behind are younger.
      if (now - exchange.waitsSince < queueTimeoutMs) break
      this.#waiting.delete(exchange)
      exchange.fail('busy', `no connection got free within ${queueTimeoutMs} ms`)
    }
    if (this.#waiting.size > 0) this.#makeRoom(now)
    this.#tellClosed()
    return this.#all.size > 0 || this.#waiting.size > 0
  }

  /**
   * Connections that only wait for their own clients go to those that wait for one, the longest stalled first: as few
   * slow clients as a pool has connections would keep everybody else from the endpoint.
   */
  #makeRoom(now: number): void {
    const before = now - this.#options.pool.queueTimeoutMs / 2
    const stalled = [...this.#all].flatMap((connection) => {
      const since = connection.exchange?.stalledSince ?? now
      return since < before ? [{ connection, since }] : []
    })
    stalled.sort((one, other) => one.since - other.since)
    for (const { connection } of stalled.slice(0, this.#waiting.size))
      connection.fail('stalled', 'its client is slow, and others wait')
  }

  #watch(connection: Connection, exchange: OutgoingExchange, now: number): void {
    const overdue = exchange.overdue(now)
    if (overdue !== null) {
      connection.fail(overdue, reasons[overdue] ?? overdue)
      return
    }
    const { leakDetectionThresholdMs: threshold } = this.#options.pool
    const heldMs = now - connection.since
    if (threshold === 0 || heldMs < threshold || connection.isReported) return
    connection.isReported = true
    this.#options.onLeak(exchange.listener.label ?? 'unknown', heldMs)
  }

  #open(exchange: OutgoingExchange): void {
    this.#all.add(new Connection(this.#dial, this.#isTls, this, exchange))
    startSweep(this)
  }

  #use(connection: Connection, exchange: OutgoingExchange, now: number): void {
    connection.since = now
    connection.isReported = false
    connection.start(exchange, now)
  }

  /** The first whose request is here as a whole; those that wait for their clients too come after. */
  #nextWaiting(): OutgoingExchange | undefined {
    let next: OutgoingExchange | undefined
    for (const exchange of this.#waiting) {
      next ??= exchange
      if (!exchange.isWhole) continue
      next = exchange
      break
    }
    if (next !== undefined) this.#waiting.delete(next)
    return next
  }

  /** Not before `send` has returned. */
  #refuse(exchange: OutgoingExchange, kind: FailureKind, reason: string): void {
    process.nextTick(() => exchange.fail(kind, reason))
  }

  #tellClosed(): void {
    if (!this.#isClosing || this.#all.size + this.#upgraded.size > 0) return
    if (this.#waiting.size > 0) return
    // Not before the listener of the last exchange has heard of its end.
    for (const told of this.#onClosed.splice(0)) setImmediate(told)
  }
}
