import { type Ports, send } from './echo.ts'
import { NodeReader } from './readers.ts'

/** Fields in which the lanes may differ: docs/guide/fast-lane.md. */
const ownFields = /^(date|connection|keep-alive):/

/** The pieces of a chunked body put together: a newer Node sends several of one turn as one. Ends with a word where it is whole. */
const joined = (body: string): string => {
  let text = ''
  let at = 0
  while (at < body.length) {
    const end = body.indexOf('\r\n', at)
    const size = end < 0 ? Number.NaN : Number.parseInt(body.slice(at, end), 16)
    if (Number.isNaN(size)) return `${text}?${body.slice(at)}`
    if (size === 0) return `${text} whole${body.slice(end)}`
    text += body.slice(end + 2, end + 2 + size)
    at = end + size + 4
  }
  return text
}

/** Answers of one connection, each with its fields in order of their names, without those that a lane has of its own. */
export function readAnswers(received: string): string[] {
  return received
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .filter((text) => text !== '')
    .map((text) => {
      const end = text.indexOf('\r\n\r\n')
      if (end < 0) return text
      const [line, ...fields] = text.slice(0, end).split('\r\n')
      const kept = fields
        .map((field) => field.replace(/^[^:]+/, (name) => name.toLowerCase()))
        .filter((field) => !ownFields.test(field))
        .toSorted()
      const body = text.slice(end + 4)
      const isChunked = kept.includes('transfer-encoding: chunked')
      return [line, ...kept, '', isChunked ? joined(body) : body].join('\r\n')
    })
}

const isLast = (received: string): boolean =>
  /connection: close/i.test(received.slice(received.lastIndexOf('HTTP/1.1 ')))

/**
 * Null where both lanes have said the same. `isTroubled`: there is junk behind requests. `node:http` reads it before they are
 * answered, and may cut what it has not said yet; the lane serves what came before it first. Then one may have said less.
 */
export function differenceOf(fast: string, safe: string, isTroubled: boolean): string | null {
  const [ours, theirs] = [readAnswers(fast), readAnswers(safe)]
  const last = Math.min(ours.length, theirs.length) - 1
  for (let at = 0; at < Math.max(ours.length, theirs.length); at++) {
    const [one = '', other = ''] = [ours[at], theirs[at]]
    if (one === other) continue
    if (isTroubled && at >= last && (one.startsWith(other) || other.startsWith(one))) continue
    return `answer ${at} of ${ours.length}: ${shown(one)} against ${shown(other)} of ${theirs.length}`
  }
  if (!isTroubled && isLast(fast) !== isLast(safe)) return 'only one says that it is the last'
  return null
}

const shown = (text: string): string => JSON.stringify(text.slice(0, 300))

/** Ends what a case may leave open. */
const closing = 'GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

export interface Told {
  readonly answers: number
  /** Cases in which each lane had to say the same to the last byte. */
  readonly strict: number
  readonly differences: string[]
}

/** Sends each case to both lanes, many at once. */
export async function compareAnswers(
  ports: Ports,
  count: number,
  caseOf: (index: number) => Buffer,
): Promise<Told> {
  const differences: string[] = []
  const node = new NodeReader('drop', true)
  let answers = 0
  let strict = 0
  let next = 0
  const work = async (): Promise<void> => {
    while (next < count && differences.length < 10) {
      const index = next++
      const given = caseOf(index)
      const isOver = (await node.read(given)).requests.at(-1)?.isLast === true
      const bytes = isOver ? given : Buffer.concat([given, Buffer.from(closing)])
      const { requests, failure, good } = await node.read(bytes)
      // An answer that breaks off is not even begun where its turn has not come.
      const breaks = requests.some(({ target }, at) => at > 0 && target.startsWith('/late-throw'))
      const isTroubled = breaks || (failure !== null && good > 0)
      if (!isTroubled) strict += 1
      const [fast, safe] = await Promise.all([send(ports.fast, [bytes]), send(ports.safe, [bytes])])
      answers += readAnswers(fast).length
      const difference = differenceOf(fast, safe, isTroubled)
      if (difference !== null) differences.push(`case ${index}: ${difference}`)
    }
  }
  await Promise.all(Array.from({ length: 250 }, work))
  return { answers, strict, differences }
}
