import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { chooseEncoding } from '../../core/http/accept-encoding.ts'
import { cacheDirectives } from '../../core/http/cache-control.ts'
import { fieldValue, joinedValue, withoutField, withVary } from '../../core/http/fields.ts'
import type { Exchange } from '../exchange.ts'
import { isEventStream } from '../observe/event-stream.ts'
import { Reply } from '../reply.ts'
import { compressedBody } from './compressed-body.ts'
import { afterwards, type FilterMaker } from './filter.ts'
import { sourceOf } from './whole-body.ts'

/** Encoders at work at once, each with its memory; who comes then gets the answer as it is. */
const mostAtWork = 256
/** A body that is there already is compressed in one piece up to this size. */
const maxWhole = 262_144

/** Fields that speak of the bytes as they were. */
const ofBytes = [
  'accept-ranges',
  'content-digest',
  'content-length',
  'content-md5',
  'digest',
  'repr-digest',
]

const asGzip = promisify<Uint8Array, object, Buffer>(gzip)
const asBrotli = promisify<Uint8Array, object, Buffer>(brotliCompress)

/** Compresses answers for clients that like it. An answer that is compressed already, or a part of one, is left alone. */
export const compress: FilterMaker<'compress'> = (settings, { stateOf }) => {
  const { encodings, minBytes, eventStreams } = settings
  const types = settings.types.map(typeMatcher)
  const atWork = stateOf(() => ({ count: 0 }))

  const isWorthIt = ({ headers, body }: Reply): boolean => {
    const type = /^[^;\s]+/.exec(fieldValue(headers, 'content-type') ?? '')?.[0]?.toLowerCase()
    if (type === undefined || !types.some((isOne) => isOne(type))) return false
    if (!eventStreams && isEventStream(headers)) return false
    const length = lengthOf(body) ?? saidLength(headers)
    return length === null || length >= minBytes
  }
  const mayChange = ({ status, headers }: Reply): boolean =>
    status !== 206 &&
    fieldValue(headers, 'content-range') === undefined &&
    (joinedValue(headers, 'content-encoding') ?? 'identity').toLowerCase() === 'identity' &&
    !cacheDirectives(joinedValue(headers, 'cache-control')).has('no-transform')

  const changed = (reply: Reply, exchange: Exchange): Reply | Promise<Reply> => {
    const { status, body } = reply
    if (status === 204 || exchange.transport.upgrade !== null) return reply
    const encoding = chooseEncoding(exchange.transport.header('accept-encoding'), encodings)
    // What is not changed since is an answer that was compressed for who likes it: its tag and what it varies by are the same.
    if (status === 304) return retold(reply, encoding !== null)
    if (!mayChange(reply) || !isWorthIt(reply)) return reply
    const isBodyless = exchange.method === 'HEAD' || body === null
    if (isBodyless || encoding === null || atWork.count >= mostAtWork) return retold(reply, false)
    const made = (bytes: Reply['body']): Reply => {
      const { headers } = retold(reply, true)
      let kept = withoutField(headers, 'content-encoding')
      for (const name of ofBytes)
        if (fieldValue(kept, name) !== undefined) kept = withoutField(kept, name)
      return new Reply(status, [...kept, 'content-encoding', encoding], bytes)
    }
    if (typeof body === 'string' || body instanceof Uint8Array) {
      const bytes = typeof body === 'string' ? Buffer.from(body) : body
      if (bytes.byteLength > maxWhole)
        return made(compressedBody(sourceOf(pieces(bytes)), encoding, false, atWork))
      atWork.count += 1
      return wholly(bytes, encoding)
        .then(made)
        .finally(() => void (atWork.count -= 1))
    }
    const source = sourceOf(body)
    // Whoever does not know how long it is may send for hours, a line at a time.
    return made(compressedBody(source, encoding, source.length === null, atWork))
  }
  return afterwards(changed)
}

/** The answer with what it varies by; `isWeak`: its tag is not that of the same bytes any more. */
function retold({ status, headers, body }: Reply, isWeak: boolean): Reply {
  const fields = withVary(headers, 'Accept-Encoding')
  const isStrong = (text: string, at: number): boolean =>
    at % 2 === 1 && text.startsWith('"') && fields[at - 1]!.toLowerCase() === 'etag'
  const told = isWeak ? fields.map((text, at) => (isStrong(text, at) ? `W/${text}` : text)) : fields
  return new Reply(status, told, body)
}

const wholly = (bytes: Uint8Array, encoding: string): Promise<Buffer> =>
  encoding === 'gzip'
    ? asGzip(bytes, {})
    : asBrotli(bytes, {
        params: {
          [constants.BROTLI_PARAM_QUALITY]: 4,
          [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength,
        },
      })

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.byteLength; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

const lengthOf = (body: Reply['body']): number | null => {
  if (typeof body === 'string') return Buffer.byteLength(body)
  if (body instanceof Uint8Array) return body.byteLength
  return body !== null && 'flow' in body ? body.length : null
}

/** Of an answer to HEAD. */
const saidLength = (headers: readonly string[]): number | null => {
  const text = fieldValue(headers, 'content-length')
  return text === undefined ? null : Number(text)
}

/** `text/*`, `application/*+json`, or a type. */
function typeMatcher(pattern: string): (type: string) => boolean {
  const star = pattern.indexOf('*')
  if (star < 0) return (type) => type === pattern
  const [front, back] = [pattern.slice(0, star), pattern.slice(star + 1)]
  return (type) =>
    type.length >= front.length + back.length && type.startsWith(front) && type.endsWith(back)
}
