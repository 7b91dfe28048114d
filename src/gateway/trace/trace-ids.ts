import { randomFillSync } from 'node:crypto'
import { parseTraceparent, randomFlag, repairTracestate } from '../../core/http/trace-context.ts'
import type { Transport } from '../transport.ts'

/** The trace of an exchange. */
export interface Trace {
  readonly traceId: string
  /** The client's span; null: the trace begins here. */
  readonly parentId: string | null
  readonly flags: number
  /** `tracestate`, as it goes on; empty: none. */
  readonly state: string
}

// Random bytes are cheap in bulk only.
const pool = Buffer.allocUnsafe(4_096)
let at = pool.length

const randomHex = (bytes: number): string => {
  if (at + bytes > pool.length) {
    randomFillSync(pool)
    at = 0
  }
  at += bytes
  return pool.toString('hex', at - bytes, at)
}

export const newTraceId = (): string => randomHex(16)
export const newSpanId = (): string => randomHex(8)

/** That of the client's headers, or a new one. */
export function traceOf(transport: Pick<Transport, 'header'>): Trace {
  const given = transport.header('traceparent')
  const parent = given === undefined ? null : parseTraceparent(given)
  if (parent === null)
    return { traceId: newTraceId(), parentId: null, flags: randomFlag, state: '' }
  const state = transport.header('tracestate')
  return { ...parent, state: state === undefined ? '' : repairTracestate(state) }
}
