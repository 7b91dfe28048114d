import { codeReply } from '../problem-reply.ts'
import type { Exchange } from '../exchange.ts'
import type { Reply } from '../reply.ts'

/** Waits; false: the client left meanwhile, or the exchange was cut, and nothing more is to be done for it. */
export function wait({ signal }: Exchange, ms: number): boolean | Promise<boolean> {
  if (signal.aborted || ms <= 0) return !signal.aborted
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve(!signal.aborted)
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}

/** What an exchange ends with whose client is gone; nobody reads it. */
export function leftReply(exchange: Exchange): Reply {
  exchange.failure = 'TURNOUT_CLIENT_LEFT'
  return codeReply('TURNOUT_CLIENT_LEFT')
}
