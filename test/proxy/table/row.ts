/** `either`: whoever listens may refuse it; whatever is accepted is still what is forwarded. */
export type Outcome = 'forwarded' | 'refused' | 'either'

/** One raw request, made for each method. */
export interface Row {
  readonly name: string
  readonly outcome: Outcome
  readonly bytes: (method: string) => string
  /** Body as it must arrive. */
  readonly body?: string
  /** Nothing is sent behind it. */
  readonly isAlone?: boolean
  /** It is not whole: its client sends no more. */
  readonly isCut?: boolean
}

/** A request for `/a` with fields and a body; `arrives`: what the upstream must see of it. */
export const raw = (
  outcome: Outcome,
  name: string,
  fields: string,
  body = '',
  arrives: string = '',
): Row => ({
  name,
  outcome,
  body: arrives,
  bytes: (method) => `${method} /a HTTP/1.1\r\nHost: test\r\n${fields}\r\n${body}`,
})

/** A request with a start line of its own, in which `M` is the method. */
export const started = (outcome: Outcome, name: string, line: string): Row => ({
  name,
  outcome,
  bytes: (method) => `${line.replace('M', method)}\r\nHost: test\r\n\r\n`,
})

/** A request whose fields are all its own. */
export const hosted = (outcome: Outcome, name: string, fields: string): Row => ({
  name,
  outcome,
  bytes: (method) => `${method} /a HTTP/1.1\r\n${fields}\r\n`,
})

/** A row for each of several texts, which its name shows. */
export const each = (
  texts: readonly string[],
  make: (text: string, shown: string) => Row,
): readonly Row[] => texts.map((text) => make(text, JSON.stringify(text).slice(0, 60)))

export const chunked = 'Transfer-Encoding: chunked\r\n'
export const chunks = '2\r\nab\r\n1\r\nc\r\n0\r\n\r\n'
