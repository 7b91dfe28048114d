import { createHash } from 'node:crypto'
import { cacheDirectives, isNoneMatch, secondsOf } from '../../core/http/cache-control.ts'
import { fieldValue, withoutField } from '../../core/http/fields.ts'
import { isBodySource } from '../body-source.ts'
import type { Exchange } from '../exchange.ts'
import { codeReply } from '../problem-reply.ts'
import { Reply, handled } from '../reply.ts'
import type { Handler } from '../snapshot.ts'
import { AnswerCache, type Kept } from './answer-cache.ts'
import { termsOf, type Terms } from './cache-terms.ts'
import { clientValue } from './credentials.ts'
import type { FilterMaker } from './filter.ts'
import { keptBody } from './kept-body.ts'

const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])
/** Longest value of a field that is part of a key. */
const maxKeyPart = 2_048

/** Requests whose answer depends on more than the key says. */
const conditions = ['if-match', 'if-unmodified-since', 'if-range']

/** Keeps answers to GET in memory, and gives them to others who ask for the same. */
export const responseCache: FilterMaker<'response-cache'> = (settings, { route, stateOf }) => {
  const { timeToLiveMs, maxBytes } = settings
  const cache = stateOf(() => new AnswerCache(maxBytes))
  // Another target, or other filters, answer otherwise: what was kept of them is not asked for any more.
  const edition = createHash('sha256')
    .update(JSON.stringify([route.target, route.filters]))
    .digest('base64')
  // A filter of a module stands before it, and may make of each client's request another one.
  const mayDiffer = route.filters?.some(({ kind }) => kind === 'module') === true

  return (next) => (exchange) => {
    const primary = primaryKey(exchange, edition)
    if (primary === null) return forgetting(cache, edition, exchange, next)
    const asked = cacheDirectives(exchange.transport.header('cache-control'))
    const now = performance.now()
    const found = find(cache, primary, exchange, now)
    if (found !== null && isWanted(found, asked, exchange, now)) return hit(found, exchange, now)
    if (asked.has('only-if-cached')) return codeReply('TURNOUT_NOT_CACHED')
    const isShared =
      !mayDiffer &&
      exchange.transport.header('authorization') === undefined &&
      exchange.getValue(clientValue) === undefined
    const kept = (reply: Reply): Reply => {
      if (reply === handled || exchange.failure !== null) return reply
      const terms = termsOf(reply, isShared, timeToLiveMs, performance.now())
      return terms === null ? reply : keep(cache, primary, exchange, reply, terms)
    }
    const reply = next(exchange)
    return reply instanceof Promise ? reply.then(kept) : kept(reply)
  }
}

/** What is asked for, apart from what its answer varies by; null: it is none of the cache's business. */
function primaryKey(exchange: Exchange, edition: string): string | null {
  const { method, transport, mirrored } = exchange
  if (method !== 'GET' || mirrored || transport.upgrade !== null) return null
  if (transport.bodyLength() !== 0) return null
  if (conditions.some((name) => transport.header(name) !== undefined)) return null
  if (cacheDirectives(transport.header('cache-control')).has('no-store')) return null
  return placeKey(exchange, edition)
}

function placeKey({ transport, path, search }: Exchange, edition: string): string | null {
  const key = JSON.stringify([edition, transport.origin().toLowerCase(), path, search])
  return key.length > 16_384 ? null : key
}

/** RFC 9111 section 4.4: whoever changes what is there, ends what was kept of it. */
function forgetting(
  cache: AnswerCache,
  edition: string,
  exchange: Exchange,
  next: Handler,
): Reply | Promise<Reply> {
  const reply = next(exchange)
  if (safe.has(exchange.method) || exchange.mirrored) return reply
  const key = placeKey(exchange, edition)
  const forget = (settled: Reply): Reply => {
    if (key !== null && settled.status < 400) cache.delete(varyKey(key))
    return settled
  }
  return reply instanceof Promise ? reply.then(forget) : forget(reply)
}

const varyKey = (primary: string): string => `vary ${primary}`

/** The answer that was kept for a request like this one, by the fields that its answers vary by. */
function find(cache: AnswerCache, primary: string, exchange: Exchange, now: number): Kept | null {
  const known = cache.get(varyKey(primary), now)
  if (known === null) return null
  const key = secondaryKey(primary, known.headers, exchange)
  return key === null ? null : cache.get(key, now)
}

function secondaryKey(
  primary: string,
  vary: readonly string[],
  { transport }: Exchange,
): string | null {
  const values = ['range', ...vary].map((name) => transport.header(name) ?? null)
  const isShort = values.every((value) => value === null || value.length <= maxKeyPart)
  return isShort ? `answer ${primary} ${JSON.stringify([vary, values])}` : null
}

/** Whether the client takes it. */
function isWanted(
  { bornAt, until }: Kept,
  asked: ReadonlyMap<string, string>,
  { transport }: Exchange,
  now: number,
): boolean {
  if (asked.has('no-cache')) return false
  if (asked.size === 0 && /no-cache/i.test(transport.header('pragma') ?? '')) return false
  const most = secondsOf(asked, 'max-age')
  if (most !== null && now - bornAt >= most * 1000) return false
  const least = secondsOf(asked, 'min-fresh')
  return least === null || until - now >= least * 1000
}

function hit({ status, headers, body, bornAt }: Kept, { transport }: Exchange, now: number): Reply {
  const fields = [...headers, 'age', String(Math.floor((now - bornAt) / 1000))]
  const condition = transport.header('if-none-match')
  if (
    status === 200 &&
    condition !== undefined &&
    isNoneMatch(condition, fieldValue(headers, 'etag'))
  )
    return new Reply(304, withoutField(fields, 'content-length'), null)
  return new Reply(status, fields, body)
}

/** The answer, of which a copy is kept when all of it has come. */
function keep(
  cache: AnswerCache,
  primary: string,
  exchange: Exchange,
  reply: Reply,
  { vary, bornAt, until }: Terms,
): Reply {
  const key = secondaryKey(primary, vary, exchange)
  const { status, body } = reply
  if (key === null) return reply
  const headers = withoutField(reply.headers, 'age')
  const set = (whole: Kept['body']): void => {
    cache.set(varyKey(primary), { status: 0, headers: vary, body: null, bornAt, until })
    cache.set(key, { status, headers, body: whole, bornAt, until })
  }
  if (body === null || typeof body === 'string') set(body)
  else if (body instanceof Uint8Array) set(Uint8Array.from(body))
  else if (isBodySource(body))
    return new Reply(status, [...reply.headers], keptBody(body, cache, set))
  return reply
}
