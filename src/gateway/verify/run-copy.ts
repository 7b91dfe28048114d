import type { Answer } from '../../core/rollout/compare.ts'
import { Exchange } from '../exchange.ts'
import { errorReply } from '../problem-reply.ts'
import { handled, type Reply } from '../reply.ts'
import type { Snapshot } from '../snapshot.ts'
import { handlerOf } from '../targets.ts'
import type { CopiedRequest } from './copied-request.ts'
import { decoded } from './decode.ts'
import { matchRoute } from './match-route.ts'
import { sendWhole, streamOf } from '../send-whole.ts'
import { MirrorTransport, maxAnswerBytes } from './mirror-transport.ts'

/** How long a handler may take that was told to stop, before its version is no longer kept for it. */
const graceMs = 1_000

/** A mirrored exchange under way. */
export interface Copy {
  /** Null: it was cut, or its answer is none that can be compared. */
  readonly answer: Promise<Answer | null>
  cut(reason: string): void
}

/**
 * Has a route answer a copy of a request, through its filters as any other, and collects the answer. It holds the module
 * version that it runs on. Null: the table has no such route on that path.
 */
export function runCopy(
  snapshot: Snapshot,
  routeId: string,
  path: string,
  request: CopiedRequest,
  onError: (error: unknown, exchange: Exchange) => void,
): Copy | null {
  const match = matchRoute(snapshot.table.router, routeId, request.method, path)
  if (match === null) return null
  const transport = new MirrorTransport(request)
  const exchange = new Exchange(transport, snapshot)
  exchange.mirrored = true
  exchange.matched(match, path)
  const failed = (error: unknown): void => {
    if (exchange.abortReason !== null) return
    onError(error, exchange)
    const { status, headers, body } = errorReply(error)
    if (transport.isHeadSent) transport.destroy()
    else transport.send(status, headers, body as string)
  }
  const run = async (): Promise<void> => {
    try {
      const reply = await handlerOf(exchange, match.value)(exchange)
      if (reply !== handled && exchange.abortReason === null) await answer(transport, reply)
    } catch (error) {
      failed(error)
    }
    exchange.release()
  }
  void run()
  return {
    answer: transport.answer.then((found) =>
      // What a cut exchange answers is ours, and so is that to a copy which its upstream was spared.
      found === null || exchange.abortReason !== null || isSpared(exchange)
        ? null
        : decoded(found, maxAnswerBytes),
    ),
    cut: (reason) => {
      transport.destroy()
      exchange.abort(reason)
      setTimeout(() => exchange.release(), graceMs).unref()
    },
  }
}

function answer(transport: MirrorTransport, reply: Reply): void | Promise<void> {
  const stream = streamOf(reply)
  if (stream === null) return sendWhole(transport, reply)
  return transport.stream(reply.status, reply.headers, stream)
}

const isSpared = ({ failure }: Exchange): boolean =>
  failure === 'TURNOUT_BREAKER_OPEN' || failure === 'TURNOUT_BULKHEAD_FULL'
