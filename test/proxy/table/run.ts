import { talk } from '../support/client.ts'
import type { Recording, Script, Seen } from '../support/recording.ts'
import { fields } from './fields.ts'
import { framings } from './framings.ts'
import { lines } from './lines.ts'
import type { Row } from './row.ts'

export const methods = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'PROPFIND',
  'QUERY',
  'REPORT',
  'LINK',
] as const

export const rows: readonly Row[] = [...framings, ...fields, ...lines]

/** Every answer of the upstream says that it is one. */
export const marked = (body: string): string =>
  `HTTP/1.1 200 OK\r\nX-Upstream: yes\r\nContent-Length: ${body.length}\r\n\r\n${body}`

/** The same for servers between, which use connections again that the gateway would not. */
export const answerMarked: Script = ({ method, fields: sent }, socket) => {
  const isUpgrade = sent.some(([name]) => name === 'upgrade')
  const bytes = marked(method === 'HEAD' ? '' : 'ok')
  if (!isUpgrade) return bytes
  socket.end(bytes.replace('\r\n', '\r\nConnection: close\r\n'))
  return undefined
}

/** Goes behind every request on its connection: what is left of one that was read otherwise would be in front of it. */
const next = 'GET /next HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n'

/** An answer that takes longer never comes. */
const patienceMs = 3_000

interface Sent {
  readonly received: string
  readonly isHung: boolean
}

/** Sends all at once, and gives what came until the connection was closed. */
const sendAll = async (port: number, bytes: string, isCut: boolean): Promise<Sent> => {
  const { closed, received, socket } = talk(port, bytes)
  if (isCut) socket.end()
  let isHung = false
  const hung = setTimeout(() => {
    isHung = true
    socket.destroy()
  }, patienceMs)
  await closed
  clearTimeout(hung)
  return { received: received(), isHung }
}

const count = (text: string, part: RegExp): number => text.match(part)?.length ?? 0

export interface Told {
  forwarded: number
  refused: number
  /** By whoever stands between gateway and upstream. */
  refusedBehind: number
  readonly wrong: string[]
}

/** What is different where filters stand between. */
export interface Between {
  /** Fields that every request has which is not to be refused. */
  readonly fields?: string
  /** Rows that are sent; all, where it is not said. */
  readonly rows?: readonly Row[]
  /** Which rows are sent, and by which methods; all, where it is not said. */
  readonly isTaken?: (row: number, method: number) => boolean
  /** The body that the upstream must see. */
  readonly bodyOf?: (body: string, method: string) => string
}

/** Right behind the first line, where a table of lines leaves one. */
const withFields = (bytes: string, fields: string): string =>
  bytes.replace('\r\n', () => `\r\n${fields}`)

/**
 * Sends the table and compares what was accepted with what the upstream saw. `isChained`: another server stands between,
 * which may refuse what the gateway lets pass, and write it in its own way, but not make two of one.
 */
export async function runTable(
  port: number,
  { seen }: Pick<Recording, 'seen'>,
  isChained = false,
  {
    fields: added = '',
    rows: sentRows = rows,
    bodyOf = (body) => body,
    isTaken = () => true,
  }: Between = {},
): Promise<Told> {
  const told: Told = { forwarded: 0, refused: 0, refusedBehind: 0, wrong: [] }
  for (const [row, { name, outcome, bytes, body = '', isAlone, isCut }] of sentRows.entries()) {
    for (const [at, method] of methods.entries()) {
      if (!isTaken(row, at)) continue
      const from = seen.length
      const isLast = isAlone === true || isCut === true
      const own = outcome === 'refused' ? bytes(method) : withFields(bytes(method), added)
      const sent = own + (isLast ? '' : withFields(next, added))
      const { received, isHung } = await sendAll(port, sent, isCut === true)
      const here = seen.slice(from)
      const accepted = count(received, /^x-upstream: yes\r$/gim)
      const first = /^HTTP\/1\.1 (?!1)(\d+) [^\r]*\r\n(?:[^\r]+\r\n)*/m.exec(received)?.[0] ?? ''
      const found = /x-upstream: yes/i.test(first) ? 'forwarded' : 'refused'
      const say = (what: string): void =>
        void told.wrong.push(`${method} ${name}: ${what}: ${JSON.stringify(received.slice(0, 80))}`)
      const isOurs = received.includes('"code":"TURNOUT_') && !received.includes('_UPSTREAM_')
      const isBehind = isChained && found === 'refused' && !isOurs
      if (isHung) say('hung')
      told[found] += 1
      if (isBehind) told.refusedBehind += 1
      if (outcome !== 'either' && found !== outcome && !(outcome === 'forwarded' && isBehind))
        say(found)
      // Behind an answer that says `close`, nobody hears of the next one.
      const isFirst = ({ target }: Seen): boolean => target !== '/next' && target !== '/b'
      const heard = here.slice(0, accepted).concat(here.slice(accepted).filter(isFirst))
      if (heard.length !== accepted)
        say(`${here.map(({ target }) => target).join(' ')} seen, ${accepted} answered`)
      if (here.some(({ target }) => target.includes('evil') && !target.startsWith('/a')))
        say('smuggled')
      // Requests in one pipeline go out side by side.
      const firsts = here.filter(isFirst)
      if (found === 'refused' || firsts.length !== 1) {
        if (firsts.length > 0) say(`${firsts.length} seen`)
        continue
      }
      if (firsts[0]!.method !== method) say(`seen as ${firsts[0]!.method}`)
      if (firsts[0]!.body.toString('latin1') !== bodyOf(body, method))
        say(`its body is ${firsts[0]!.body}`)
    }
  }
  return told
}
