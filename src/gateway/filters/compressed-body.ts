import {
  constants,
  createBrotliCompress,
  createGzip,
  type BrotliCompress,
  type Gzip,
} from 'node:zlib'
import type { BodySink, BodySource } from '../body-source.ts'

/** Memory of one brotli encoder follows its window: 2^18 bytes, and some times as much. */
const brotliWindow = 18
/** Quality at which brotli is about as quick as gzip, and smaller. */
const brotliQuality = 4
const gzipLevel = 6
/** `isFlushed`: whatever came is sent on at once, and not kept for better company. */
function encoderOf(encoding: string, isFlushed: boolean): Gzip | BrotliCompress {
  if (encoding === 'gzip')
    return createGzip({
      level: gzipLevel,
      flush: isFlushed ? constants.Z_SYNC_FLUSH : constants.Z_NO_FLUSH,
    })
  return createBrotliCompress({
    params: {
      [constants.BROTLI_PARAM_QUALITY]: brotliQuality,
      [constants.BROTLI_PARAM_LGWIN]: brotliWindow,
    },
    flush: isFlushed ? constants.BROTLI_OPERATION_FLUSH : constants.BROTLI_OPERATION_PROCESS,
  })
}

/**
 * A body on its way through an encoder, at the pace of who takes it:
 *
 *     source ── write ──> encoder ── data ──> sink
 *     source <─ resume ── drain       pause <── false
 *
 * It counts as work from the time that somebody takes it until it ends.
 */
export function compressedBody(
  source: BodySource,
  encoding: string,
  isFlushed: boolean,
  atWork: { count: number },
): BodySource {
  let encoder: Gzip | BrotliCompress | null = null
  let isOver = false
  const over = (): boolean => {
    if (isOver) return false
    isOver = true
    if (encoder !== null) atWork.count -= 1
    return true
  }
  const given = (encoder: Gzip | BrotliCompress, sink: BodySink): BodySink => ({
    write: (bytes) =>
      encoder.write(bytes, (error) => {
        // The encoder has read them.
        if (error === null || error === undefined) source.recycle?.(bytes)
      }),
    end: () => void encoder.end(),
    fail: (error) => {
      if (!over()) return
      encoder.destroy()
      sink.fail(error)
    },
  })
  return {
    length: null,
    flow: (sink) => {
      const made = encoderOf(encoding, isFlushed)
      encoder = made
      atWork.count += 1
      made.on('drain', () => source.resume())
      made.on('data', (bytes: Buffer) => {
        if (!isOver && !sink.write(bytes)) made.pause()
      })
      made.on('end', () => {
        if (over()) sink.end()
      })
      made.on('error', (error) => {
        if (!over()) return
        source.cancel('it cannot be compressed')
        sink.fail(error)
      })
      source.flow(given(made, sink))
    },
    resume: () => void encoder?.resume(),
    cancel: (reason) => {
      over()
      encoder?.destroy()
      source.cancel(reason)
    },
  }
}
