import { TurnoutError, problem, type Problem } from './core/errors.ts'
import type { Logger } from './core/logger.ts'
import { getKey } from './core/persistent-map.ts'
import type { Rejection } from './control/change.ts'
import type { Publisher } from './control/publisher.ts'
import { digestAhead, replaceWhole } from './control/whole.ts'
import { loadRedisClient } from './source/redis/client.ts'
import { RedisSource } from './source/redis/redis.ts'
import { readRedisUrl } from './source/redis/url.ts'
import { createBreathing } from './store/breathe.ts'
import type { TurnoutEmitter } from './turnout-events.ts'

/** A Redis key that holds rules. */
export interface RedisOptions {
  /** `redis://` or `rediss://`, with user, password and database where they are needed. */
  readonly url: string
  /** Default `routing_rules`. */
  readonly key?: string
  /** Channel on which any message says that the key has changed. Default: the key and `:changed`. */
  readonly channel?: string
  /** Longest time between two readings, where no notification comes. Default 5,000. */
  readonly pollMs?: number
}

export interface RedisWiring {
  readonly publisher: Publisher
  readonly events: TurnoutEmitter
  readonly log: Logger
}

const author = 'redis'

/** @throws TurnoutError TURNOUT_OPTION_INVALID or TURNOUT_REDIS_CLIENT_MISSING */
export async function createRedisRules(
  options: RedisOptions,
  { publisher, events, log }: RedisWiring,
): Promise<RedisSource> {
  const place = checked(options)
  const { key = 'routing_rules', channel = `${key}:changed`, pollMs = 5_000 } = options
  const owner = `redis:${key}`
  const create = await loadRedisClient()
  let told = ''
  const tell = (found: Problem | null): void =>
    events.emit('source', { owner, problem: found, status: source.status() })
  const source: RedisSource = new RedisSource({
    place,
    key,
    owner,
    channel,
    pollMs,
    create,
    onRules: async (set) => {
      await digestAhead(set, createBreathing(0.5))
      const { rejections } = await publisher.change({
        author,
        reason: `the key ${key} changed`,
        isPartial: false,
        isProposal: true,
        items: (table) => replaceWhole(table, owner, set),
        // It is tried again whenever somebody else changes something.
        isKnown: (rejection) => textOf(rejection) === told,
      })
      const [rejection] = rejections
      told = rejection === undefined ? '' : textOf(rejection)
      return rejection?.problems ?? []
    },
    onAlarm: (found) => {
      log.error(found.message, { code: found.code, owner })
      tell(found)
    },
    onCleared: () => {
      log.info('the source of rules is well again', { owner })
      tell(null)
    },
  })
  return source
}

/** Whether nothing of a source was ever served, here or by an earlier process. */
export const isUnserved = (source: RedisSource, { table }: Publisher): boolean => {
  const { owner, value } = source.status()
  return value === 'unread' && getKey(table.proposals, owner) === undefined
}

const textOf = ({ problems }: Rejection): string =>
  problems.map(({ code, message }) => `${code} ${message}`).join('\n')

function checked(options: RedisOptions): Exclude<ReturnType<typeof readRedisUrl>, string> {
  const problems: Problem[] = []
  const refuse = (option: string, reason: string): void => {
    problems.push(problem('TURNOUT_OPTION_INVALID', { option: `redis.${option}`, reason }))
  }
  for (const name of Object.keys(options))
    if (!['url', 'key', 'channel', 'pollMs'].includes(name)) refuse(name, 'there is no such option')
  const { url, key, channel, pollMs } = options as unknown as Readonly<Record<string, unknown>>
  const place = typeof url === 'string' ? readRedisUrl(url) : 'expected redis://HOST:PORT'
  if (typeof place === 'string') refuse('url', place)
  for (const [name, text] of Object.entries({ key, channel }))
    if (text !== undefined && (typeof text !== 'string' || text === '' || text.length > 512))
      refuse(name, 'expected a text of 1 to 512 characters')
  const isMs = Number.isSafeInteger(pollMs) && Number(pollMs) >= 100 && Number(pollMs) <= 3_600_000
  if (pollMs !== undefined && !isMs)
    refuse('pollMs', 'expected a number of milliseconds from 100 to 3600000')
  const [first] = problems
  if (first !== undefined || typeof place === 'string') throw TurnoutError.of(first!, problems)
  return place
}
