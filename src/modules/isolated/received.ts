import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { envelopeField, openEnvelope, type Envelope } from './envelope.ts'

/** Whom the connections are from: one exchange at a time is on each. */
const clients = new WeakMap<Socket, Envelope>()

/**
 * Takes the envelope off a request, which is then what the client sent: its own fields, its own address. Null: it is
 * from nobody that may send any.
 */
export function takeEnvelope(request: IncomingMessage, secret: string): Envelope | null {
  const { headers, rawHeaders, socket } = request
  const text = headers[envelopeField]
  const envelope = typeof text === 'string' ? openEnvelope(text, secret) : null
  if (envelope === null) return null
  removeField(request, envelopeField)
  // What our own connection says of itself.
  if (headers.connection !== undefined) removeField(request, 'connection')
  if (headers.upgrade !== undefined) removeField(request, 'upgrade')
  const { fields } = envelope
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!
    const value = fields[at + 1]!
    rawHeaders.push(name, value)
    const lower = name.toLowerCase()
    const before = headers[lower]
    headers[lower] = before === undefined ? value : `${String(before)}, ${value}`
  }
  showClient(socket, envelope)
  return envelope
}

const removeField = ({ headers, rawHeaders }: IncomingMessage, name: string): void => {
  delete headers[name]
  for (let at = rawHeaders.length - 2; at >= 0; at -= 2)
    if (rawHeaders[at]!.toLowerCase() === name) rawHeaders.splice(at, 2)
}

/** The client's address and encryption, where handlers of Node's own objects look for them. */
const showClient = (socket: Socket, envelope: Envelope): void => {
  if (!clients.has(socket)) {
    const get = (): string | undefined => clients.get(socket)?.remoteAddress
    Object.defineProperty(socket, 'remoteAddress', { get, configurable: true })
  }
  clients.set(socket, envelope)
  const secure = socket as Socket & { encrypted?: true }
  if (envelope.isSecure) secure.encrypted = true
  else if ('encrypted' in secure) delete secure.encrypted
}
