import { withTap, type BodySink, type BodySource } from '../body-source.ts'
import type { AnswerCache } from './answer-cache.ts'

/** Keeps what passes, as long as there is room for it; what breaks off, or that nobody takes to its end, is not kept. */
export function keptBody(
  source: BodySource,
  cache: AnswerCache,
  set: (whole: Buffer) => void,
): BodySource {
  let pieces: Buffer[] | null = []
  let size = 0
  const drop = (): void => {
    pieces = null
    cache.release(size)
    size = 0
  }
  const tap: BodySink = {
    write: (bytes) => {
      if (pieces === null) return true
      const isLong = size + bytes.byteLength > cache.mostOfOne
      if (isLong || !cache.reserve(bytes.byteLength)) drop()
      else {
        size += bytes.byteLength
        pieces.push(Buffer.from(bytes))
      }
      return true
    },
    end: () => {
      const whole = pieces
      drop()
      if (whole !== null) set(Buffer.concat(whole))
    },
    fail: drop,
  }
  return {
    length: source.length,
    flow: (sink) => source.flow(withTap(sink, tap)),
    resume: () => source.resume(),
    recycle: (bytes) => source.recycle?.(bytes),
    cancel: (reason) => {
      drop()
      source.cancel(reason)
    },
  }
}
