import { request as plain, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as secure } from 'node:https'
import { TurnoutError } from '../core/errors.ts'
import { thrownMessage } from '../core/thrown.ts'

export interface ClientOptions {
  /** `http://127.0.0.1:7070` */
  readonly url: string
  readonly token: string
  /** Certificate in PEM that the instance may have, beside those that the system trusts. */
  readonly ca?: string
  /** Longest silence of the instance. Default 60 s. */
  readonly timeoutMs?: number
}

/** An answer with its whole body. */
export interface WholeAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
}

interface Sent {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  readonly signal: AbortSignal | null
}

const usualTimeoutMs = 60_000
const maxAnswer = 256 * 1024 * 1024

/** Sends a request; resolves with the answer's head. Rejects with TURNOUT_ADMIN_UNREACHABLE. */
export function send(
  { url, token, ca, timeoutMs = usualTimeoutMs }: ClientOptions,
  method: string,
  target: string,
  { headers, body, signal }: Sent,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void =>
      reject(
        new TurnoutError(
          'TURNOUT_ADMIN_UNREACHABLE',
          { url, reason: thrownMessage(error) },
          { cause: error },
        ),
      )
    const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const given: RequestOptions = {
      method,
      headers: { authorization: `Bearer ${token}`, ...headers, ...length },
      ...(signal === null ? {} : { signal }),
    }
    let outgoing: ReturnType<typeof plain>
    try {
      const address = new URL(target, url)
      outgoing =
        address.protocol === 'https:'
          ? secure(address, { ...given, ...(ca === undefined ? {} : { ca }) })
          : plain(address, given)
    } catch (error) {
      fail(error)
      return
    }
    outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error('it is silent')))
    outgoing.on('error', fail)
    outgoing.on('response', resolve)
    outgoing.end(body ?? undefined)
  })
}

/** Sends a request and reads the whole answer. Rejects with TURNOUT_ADMIN_UNREACHABLE. */
export async function exchange(
  options: ClientOptions,
  method: string,
  target: string,
  sent: Sent,
): Promise<WholeAnswer> {
  const answer = await send(options, method, target, sent)
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > maxAnswer) throw new Error(`the answer is longer than ${maxAnswer} bytes`)
      chunks.push(chunk)
    }
  } catch (error) {
    const reason = thrownMessage(error)
    throw new TurnoutError(
      'TURNOUT_ADMIN_UNREACHABLE',
      { url: options.url, reason },
      { cause: error },
    )
  }
  const headers = answer.headers as WholeAnswer['headers']
  return { status: answer.statusCode!, headers, text: Buffer.concat(chunks).toString() }
}
