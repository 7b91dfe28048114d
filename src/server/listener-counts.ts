import type { ErrorCode } from '../core/errors.ts'
import type { ReadingsWriter } from '../core/metrics/series.ts'

/** Why a connection was closed at once. */
export type ConnectionRefusal = 'limit' | 'address' | 'heap'

/** What the listeners of a process take and refuse before there is an exchange. */
export class ListenerCounts {
  readonly #refused: Map<ErrorCode, number>
  readonly #connectionsRefused: Record<ConnectionRefusal, number>
  #accepted: number
  #open: number

  constructor() {
    this.#refused = new Map()
    this.#connectionsRefused = { limit: 0, address: 0, heap: 0 }
    this.#accepted = 0
    this.#open = 0
  }

  refused(code: ErrorCode): void {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1)
  }

  connectionRefused(reason: ConnectionRefusal): void {
    this.#connectionsRefused[reason] += 1
  }

  opened(): void {
    this.#accepted += 1
    this.#open += 1
  }

  closed(): void {
    this.#open -= 1
  }

  read(writer: ReadingsWriter): void {
    for (const [code, count] of this.#refused)
      writer.add('turnout_listener_refusals_total', [code], count)
    for (const [reason, count] of Object.entries(this.#connectionsRefused))
      writer.add('turnout_connections_refused_total', [reason], count)
    writer.add('turnout_connections_total', [], this.#accepted)
    writer.add('turnout_connections_open', [], this.#open)
  }
}
