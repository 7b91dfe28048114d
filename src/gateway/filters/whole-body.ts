import { isBodySource, withTap, type BodySink, type BodySource } from '../body-source.ts'
import type { Exchange } from '../exchange.ts'
import type { Reply, ReplyBody } from '../reply.ts'

/** A body that is whole, or why it is not. */
export type Whole = Uint8Array | 'long' | 'broken'

/** Takes pieces in until they are too many. */
function gather(limit: number, done: (whole: Whole) => void): BodySink {
  const pieces: Uint8Array[] = []
  let size = 0
  return {
    write: (bytes) => {
      size += bytes.byteLength
      if (size > limit) done('long')
      // Whoever gave them may use them again.
      else pieces.push(Buffer.from(bytes))
      return size <= limit
    },
    end: () => done(size > limit ? 'long' : Buffer.concat(pieces)),
    fail: () => done('broken'),
  }
}

/** The request's body, which nobody else has then; whoever wants a copy of it gets it. */
export function wholeRequest({ transport, outbound }: Exchange, limit: number): Promise<Whole> {
  const { tap, maxBody } = outbound!
  outbound!.tap = null
  const most = Math.min(limit, maxBody ?? Infinity)
  return new Promise((resolve) => {
    const sink = gather(most, (whole) => {
      // The sink may hear of the end while it is being made.
      queueMicrotask(() => {
        if (typeof whole === 'string') pump.stop()
        resolve(whole)
      })
    })
    const pump = transport.pumpBody(tap === null ? sink : withTap(sink, tap))
  })
}

/** The body of an answer. One that is not taken is cancelled. */
export function wholeAnswer({ body }: Reply, limit: number): Whole | Promise<Whole> {
  if (body === null) return new Uint8Array()
  if (typeof body === 'string' || body instanceof Uint8Array) {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    return bytes.byteLength > limit ? 'long' : bytes
  }
  const source = sourceOf(body)
  if (source.length !== null && source.length > limit) {
    source.cancel('it is too long')
    return 'long'
  }
  return new Promise((resolve) => {
    source.flow(
      gather(limit, (whole) => {
        if (whole === 'long') source.cancel('it is too long')
        resolve(whole)
      }),
    )
  })
}

/** What is pulled, as what is pushed. */
export function sourceOf(body: Exclude<ReplyBody, string | Uint8Array | null>): BodySource {
  if (isBodySource(body)) return body
  const iterator = body[Symbol.asyncIterator]()
  let sink: BodySink | null = null
  let isOver = false
  let isRunning = false
  const run = async (to: BodySink): Promise<void> => {
    isRunning = true
    for (;;) {
      const { done, value } = await iterator.next()
      if (isOver) return
      if (done === true) {
        isOver = true
        to.end()
        return
      }
      if (!to.write(typeof value === 'string' ? Buffer.from(value) : value)) break
    }
    isRunning = false
  }
  const go = (): void => {
    if (sink === null || isRunning || isOver) return
    const to = sink
    run(to).catch((error: unknown) => {
      if (!isOver) to.fail(error)
      isOver = true
    })
  }
  return {
    length: null,
    flow: (to) => {
      sink = to
      go()
    },
    resume: go,
    cancel: () => {
      isOver = true
      iterator.return?.().catch(() => undefined)
    },
  }
}
