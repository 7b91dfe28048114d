import { setTimeout as sleep } from 'node:timers/promises'
import { codeReply } from '../problem-reply.ts'
import type { Exchange } from '../exchange.ts'
import type { Reply } from '../reply.ts'

/** Waits; false: the client left meanwhile, or the exchange was cut, and nothing more is to be done for it. */
export async function wait({ signal }: Exchange, ms: number): Promise<boolean> {
  if (signal.aborted) return false
  if (ms <= 0) return true
  try {
    await sleep(ms, undefined, { signal })
    return true
  } catch {
    return false
  }
}

/** What an exchange ends with whose client is gone; nobody reads it. */
export function leftReply(exchange: Exchange): Reply {
  exchange.failure = 'TURNOUT_CLIENT_LEFT'
  return codeReply('TURNOUT_CLIENT_LEFT')
}
