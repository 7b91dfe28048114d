import type { IncomingMessage } from 'node:http'
import { TurnoutError } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import { parseStrictJson } from '../core/strict-json.ts'

const maxDepth = 32
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Whether the message says that it has a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** Refuses a body that is not of the types. @throws TurnoutError TURNOUT_BODY_TYPE */
export function demandType({ headers }: IncomingMessage, types: readonly string[]): void {
  const [type, ...params] = (headers['content-type'] ?? '').toLowerCase().split(';')
  const isUtf8 = params.every((param) => /^\s*charset\s*=\s*"?utf-8"?\s*$/.test(param))
  if (!types.includes(type!.trim()) || !isUtf8)
    throw new TurnoutError('TURNOUT_BODY_TYPE', { types: types.join(' or ') })
  if (headers['content-encoding'] !== undefined)
    throw new TurnoutError('TURNOUT_HEADER_INVALID', {
      field: 'Content-Encoding',
      reason: 'bodies are sent as they are',
    })
}

/** Reads the whole body. Rejects with TURNOUT_BODY_TOO_LARGE as soon as it is, or TURNOUT_CLIENT_LEFT. */
export function readBytes(request: IncomingMessage, limit: number): Promise<Uint8Array> {
  const tooLarge = (): TurnoutError => new TurnoutError('TURNOUT_BODY_TOO_LARGE', { limit })
  if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.reject(tooLarge())
  const chunks: Buffer[] = []
  let size = 0
  return new Promise((resolve, reject) => {
    const take = (chunk: Buffer): void => {
      size += chunk.length
      if (size <= limit) chunks.push(chunk)
      else {
        request.off('data', take)
        reject(tooLarge())
      }
    }
    request.on('data', take)
    request.on('end', () => resolve(Buffer.concat(chunks)))
    request.on('error', () => reject(new TurnoutError('TURNOUT_CLIENT_LEFT')))
    request.on('close', () => reject(new TurnoutError('TURNOUT_CLIENT_LEFT')))
  })
}

/** The JSON of a body. @throws TurnoutError TURNOUT_JSON_INVALID, with the place */
export function parseBody(bytes: Uint8Array): Json {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw new TurnoutError('TURNOUT_JSON_INVALID', {
      line: 1,
      column: 1,
      reason: 'it is not UTF-8',
    })
  }
  const result = parseStrictJson(text, maxDepth)
  if (result.ok) return result.value
  const { line, column, reason } = result
  throw new TurnoutError('TURNOUT_JSON_INVALID', { line, column, reason })
}
