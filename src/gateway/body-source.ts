/** Takes a body piece by piece. The last call is `end` or `fail`. */
export interface BodySink {
  /** The bytes are the sink's to keep, unless it gives them back. False: no more until the source is resumed. */
  write(bytes: Uint8Array): boolean
  end(): void
  /** The body ends here, and should not have. */
  fail(error: unknown): void
}

/** A body that somebody else pushes, at the pace of who takes it. */
export interface BodySource {
  /** Bytes, where that is known before; then exactly as many come. */
  readonly length: number | null
  /** Begins to hand over. Called once. */
  flow(sink: BodySink): void
  /** Goes on after `write` said false. */
  resume(): void
  /** Bytes that `write` was given and that nobody will look at again. Whoever cannot tell leaves it. */
  recycle?(bytes: Uint8Array): void
  /** Nobody takes the rest. */
  cancel(reason: string): void
}

/** A body that is being handed over. */
export interface BodyPump {
  /** Goes on after `write` said false. */
  resume(): void
  /** Nobody takes the rest; the sink hears nothing more. */
  stop(): void
}

/** A sink that hands on to another one as well, which has no say in the pace. */
export const withTap = (sink: BodySink, tap: BodySink): BodySink => ({
  write: (bytes) => {
    tap.write(bytes)
    return sink.write(bytes)
  },
  end: () => {
    sink.end()
    tap.end()
  },
  fail: (error) => {
    sink.fail(error)
    tap.fail(error)
  },
})

/** Handlers may answer anything: what is no object is no source. */
export const isBodySource = (body: unknown): body is BodySource =>
  typeof body === 'object' && body !== null && 'flow' in body

/** A pushed body, for whoever pulls. It holds what came before it was asked to stop. */
export async function* pulled(source: BodySource): AsyncGenerator<Uint8Array, void, undefined> {
  const pieces: Uint8Array[] = []
  let outcome: { readonly error: unknown } | 'ended' | null = null
  let wake = (): void => undefined
  source.flow({
    write: (bytes) => {
      pieces.push(bytes)
      wake()
      return false
    },
    end: () => {
      outcome = 'ended'
      wake()
    },
    fail: (error) => {
      outcome = { error }
      wake()
    },
  })
  try {
    for (;;) {
      const piece = pieces.shift()
      if (piece !== undefined) yield piece
      else if (outcome === 'ended') return
      else if (outcome !== null) throw (outcome as { readonly error: unknown }).error
      else {
        const waiting = new Promise<void>((resolve) => (wake = resolve))
        source.resume()
        await waiting
      }
    }
  } finally {
    source.cancel('nobody takes the rest')
  }
}

/** Hands over what is pulled from a stream of the web. */
export function pump(stream: ReadableStream<Uint8Array> | null, sink: BodySink): BodyPump {
  if (stream === null) {
    sink.end()
    return { resume: () => undefined, stop: () => undefined }
  }
  const reader = stream.getReader()
  let isStopped = false
  let isRunning = false
  const run = async (): Promise<void> => {
    if (isRunning) return
    isRunning = true
    while (!isStopped) {
      const { done, value } = await reader.read()
      if (isStopped) return
      if (done) {
        isStopped = true
        sink.end()
      } else if (!sink.write(value)) break
    }
    isRunning = false
  }
  const start = (): void => {
    run().catch((error: unknown) => {
      if (!isStopped) sink.fail(error)
      isStopped = true
    })
  }
  start()
  return {
    resume: start,
    stop: () => {
      isStopped = true
      reader.cancel().catch(() => undefined)
    },
  }
}
