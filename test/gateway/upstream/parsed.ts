import { fieldList, type Fields } from '../../../src/core/http/field-lines.ts'
import { AnswerParser, type AnswerSink } from '../../../src/gateway/upstream/answer-parser.ts'

/** As a list, names in lower case: lines go on as they were written. */
export const listed = (fields: Fields): string[] =>
  fieldList(fields).map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text))

/** What came of the bytes of one answer. */
export interface Parsed {
  readonly informational: readonly (readonly [number, readonly string[]])[]
  readonly status: number
  readonly headers: readonly string[]
  readonly length: number | null
  readonly body: string
  /** `open`: the answer goes on. */
  readonly end: 'reusable' | 'last' | 'invalid' | 'cut' | 'open' | `upgrade ${string}`
}

/** What does not depend on how the bytes were cut: of what is invalid, only that it is. */
export function outcome(parsed: Parsed): Partial<Parsed> {
  return parsed.end === 'invalid' ? { end: 'invalid' } : parsed
}

export interface Asked {
  readonly method?: string
  readonly upgrade?: string | null
  /** Whether the connection ends behind the bytes. */
  readonly isClosed?: boolean
  /** Bytes of that buffer. */
  readonly room?: number
}

/** Feeds the pieces of an answer through a buffer that is overwritten after each, as the shared one is. */
export function parse(pieces: readonly Buffer[], asked: Asked = {}): Parsed {
  const informational: [number, readonly string[]][] = []
  let status = 0
  let headers: readonly string[] = []
  let length: number | null = null
  const bodies: Buffer[] = []
  let end: Parsed['end'] = 'open'
  let extra = 0
  const sink: AnswerSink = {
    onInformational: (status, headers) => void informational.push([status, headers]),
    onHead(headStatus, fields, said, whole) {
      status = headStatus
      headers = listed(fields)
      length = said
      if (whole !== null)
        bodies.push(typeof whole === 'string' ? Buffer.from(whole, 'latin1') : whole)
    },
    onData: (bytes) => void bodies.push(bytes),
    onEnd: (isReusable) => void (end = isReusable ? 'reusable' : 'last'),
    onUpgrade(fields, first) {
      headers = fields
      end = `upgrade ${first.toString('latin1')}`
    },
    onInvalid: () => void (end = 'invalid'),
  }
  const parser = new AnswerParser(sink)
  parser.expect(asked.method ?? 'GET', asked.upgrade ?? null)
  const shared = Buffer.alloc(asked.room ?? 65_536, '\r\n\r\n')
  for (const piece of pieces) {
    // A connection closes on bytes that nobody expects, and hands on what follows an upgrade.
    if (end !== 'open') {
      if (end.startsWith('upgrade')) end = `${end as 'upgrade '}${piece.toString('latin1')}`
      else extra += piece.length
      continue
    }
    piece.copy(shared)
    parser.feed(shared, piece.length)
    shared.fill('\r\n\r\n')
  }
  if (end === 'open' && asked.isClosed === true && !parser.finish()) end = 'cut'
  const ended = end as Parsed['end']
  if (extra > 0 && ended === 'reusable') end = 'last'
  const body = Buffer.concat(bodies).toString('latin1')
  return { informational, status, headers, length, body, end }
}
