import { problem, type Problem } from '../../core/errors.ts'
import { backoffMs } from '../../core/protect/backoff.ts'
import type { Route, Upstream } from '../../core/route/route.ts'
import type { CreateRedisClient } from './client.ts'
import { Link, RedisTrouble, type KeyValue, type ServerFacts } from './link.ts'
import { readRules } from './rules.ts'
import type { RedisConnection, RedisKeyState, RedisStatus } from './status.ts'
import type { RedisPlace } from './url.ts'

export interface RedisSourceOptions {
  readonly place: RedisPlace
  readonly key: string
  readonly owner: string
  /** Any message on it says that the key may have changed. */
  readonly channel: string
  /** Longest time between two readings. */
  readonly pollMs: number
  readonly create: CreateRedisClient
  /** Takes the rules; what it returns is why they were refused. Throws where nobody could take them just now. */
  readonly onRules: (rules: {
    readonly routes: readonly Route[]
    readonly upstreams: readonly Upstream[]
  }) => Promise<readonly Problem[]>
  /** Something is wrong, once for each time that it becomes so. */
  readonly onAlarm: (problem: Problem) => void
  /** Nothing is wrong any more. */
  readonly onCleared: () => void
}

const connectMs = 2_000
const operationMs = 3_000
/** An answer that takes longer makes the server a slow one. */
const slowMs = 1_000
/** Notifications within it are one reading. */
const settleMs = 50
/**
 * Between two values that are taken: of a flood only some are, so that requests do not wait for all of them. There may be
 * many rules, so it is so many times what it took to take the last value: less than a hundredth of all requests come in
 * that time. A change that is told of is served within the longest.
 */
const rest = { leastMs: 1_000, mostMs: 4_000, times: 200 }
const largestBytes = 1024 * 1024
const backoff = { firstBackoffMs: 200, maxBackoffMs: 10_000, factor: 2, jitter: 1 }

type Alarm = 'connection' | 'value' | 'eviction'

/**
 * A Redis key as a source of rules. The key is the truth; a notification only says that it is time to look.
 *
 *     connect ─ inspect ─ read ─ take ─┐
 *        ↑        ↑                    │ hint, or time
 *        │        └────────────────────┤
 *        └── back-off ── trouble ──────┘
 *
 * One thing at a time, so no reading overtakes another. Whatever is wrong, what was taken last goes on.
 */
export class RedisSource {
  readonly #options: RedisSourceOptions
  readonly #alarms = new Map<Alarm, Problem>()
  #connection: RedisConnection = 'connecting'
  #value: RedisKeyState = 'unread'
  #readAt: number | null = null
  #link: Link | null = null
  /** The connection of notifications. */
  #ears: Link | null = null
  #isNotified = false
  /** The text that was taken or refused last; null: the next one is looked at whatever it is. */
  #text: string | null = null
  /** The server as it was when the key was there last. */
  #seen: ServerFacts | null = null
  #wasThere = false
  #started: (() => void) | null = null
  #wake: (() => void) | null = null
  /** The next value may be taken then, on the monotonic clock. */
  #restsUntil = -Infinity
  #isHinted = false
  /** A message came, and no other will before the next reading. */
  #isDeaf = false
  #isClosed = false
  #running: Promise<void> = Promise.resolve()

  constructor(options: RedisSourceOptions) {
    this.#options = options
  }

  /** Resolves when the key was read and taken, or could not be within the deadlines. */
  start(): Promise<void> {
    return new Promise((resolve) => {
      this.#started = resolve
      this.#running = this.#run()
    })
  }

  /** It is time to look. */
  hint(): void {
    this.#isHinted = true
    this.#wake?.()
  }

  /** What was refused because of somebody else may be taken now. */
  retry(): void {
    if (this.#value !== 'refused') return
    this.#text = null
    this.hint()
  }

  status(): RedisStatus {
    const { owner, key, place } = this.#options
    return {
      owner,
      key,
      url: place.shown,
      connection: this.#connection,
      value: this.#value,
      alarms: [...this.#alarms.values()].map(({ message }) => message),
      readAt: this.#readAt === null ? null : new Date(this.#readAt).toISOString(),
      isNotified: this.#isNotified,
    }
  }

  /** Resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#connection = 'closed'
    this.#closeLinks()
    this.#wake?.()
    this.#resolveStart()
    await this.#running
  }

  #closeLinks(): void {
    this.#link?.close()
    this.#ears?.close()
    this.#link = null
    this.#ears = null
    this.#isNotified = false
  }

  async #run(): Promise<void> {
    let failures = 0
    while (!this.#isClosed) {
      try {
        await this.#follow(() => (failures = 0))
      } catch (error) {
        if (!this.#isClosed) this.#tellTrouble(error)
      }
      this.#closeLinks()
      this.#resolveStart()
      failures += 1
      await this.#pause(backoffMs(backoff, Math.min(failures, 30), Math.random), false)
    }
  }

  /** Ends only with what goes wrong, or at the close. */
  async #follow(onRead: () => void): Promise<void> {
    const link = this.#linkOf(() => this.#wake?.())
    this.#link = link
    await link.open()
    while (!this.#isClosed) {
      // Before the reading, so that nothing is missed that comes after it.
      if (this.#isDeaf) await this.#hear()
      const startedAt = performance.now()
      const facts = await link.inspect(this.#options.key)
      const value = await link.read(this.#options.key, largestBytes)
      this.#tellAnswered(performance.now() - startedAt)
      this.#tellEviction(facts)
      await this.#take(value, facts)
      onRead()
      link.unref()
      this.#resolveStart()
      // Without notifications changes are found later, so nothing waits for them and nothing ends with them.
      if (this.#ears === null || this.#ears.lost !== null) void this.#listen()
      await this.#pause(this.#options.pollMs * Math.random(), true)
      if (link.lost !== null) throw link.lost
    }
  }

  #linkOf(onLost: () => void): Link {
    const { place, create } = this.#options
    return new Link({ place, create, connectMs, operationMs, onLost })
  }

  async #listen(): Promise<void> {
    const ears = this.#linkOf(() => {
      if (this.#ears === ears) this.#isNotified = false
    })
    this.#ears = ears
    try {
      await ears.open()
      ears.unref()
    } catch {
      return ears.close()
    }
    await this.#hear()
    this.#isNotified = ears.lost === null
    // What happened before it listened.
    if (this.#isNotified) this.hint()
  }

  /** Until the first message: more of them say nothing that the next reading does not show. */
  async #hear(): Promise<void> {
    const { place, key, channel } = this.#options
    const ears = this.#ears
    this.#isDeaf = false
    try {
      await ears?.awaitMessage([channel, `__keyspace@${place.database}__:${key}`], () => {
        this.#isDeaf = this.#ears === ears
        this.hint()
      })
    } catch {
      ears?.close()
    }
  }

  async #take(value: KeyValue, facts: ServerFacts | null): Promise<void> {
    this.#readAt = Date.now()
    if (value.kind !== 'text') {
      this.#text = null
      return this.#tellNoText(value, facts)
    }
    this.#seen = facts ?? this.#seen
    this.#wasThere = true
    if (value.text === this.#text) return
    const startedAt = performance.now()
    try {
      await this.#takeText(value.text)
    } finally {
      const tookMs = performance.now() - startedAt
      const restMs = Math.min(rest.mostMs, Math.max(rest.leastMs, tookMs * rest.times))
      this.#restsUntil = startedAt + restMs
    }
  }

  async #takeText(text: string): Promise<void> {
    const rules = await readRules(text, this.#options.owner)
    if (rules.kind === 'empty') this.#tellValue('empty', 'it says nothing')
    else if (rules.kind === 'broken') this.#tellValue('broken', rules.reason)
    else await this.#give(rules)
    this.#text = text
  }

  async #give(rules: Parameters<RedisSourceOptions['onRules']>[0]): Promise<void> {
    const [refused] = await this.#options.onRules(rules)
    if (refused !== undefined) return this.#tellValue('refused', refused.message)
    this.#value = 'good'
    this.#clear('value')
  }

  #tellNoText(value: Exclude<KeyValue, { kind: 'text' }>, facts: ServerFacts | null): void {
    if (value.kind === 'wrong-type')
      return this.#tellValue('wrong-type', `it is a ${value.type}, not a string`)
    if (value.kind === 'too-large')
      return this.#tellValue('too-large', `it has ${value.bytes} bytes, and ${largestBytes} may be`)
    // Why it went is judged once: what the server says of itself goes on changing.
    if (['missing', 'deleted', 'evicted', 'lost'].includes(this.#value)) return
    const [state, reason] = whyGone(this.#wasThere, this.#seen, facts)
    this.#value = state
    const { key } = this.#options
    this.#alarm('value', problem('TURNOUT_REDIS_KEY_GONE', { key, state, reason }))
  }

  #tellValue(state: RedisKeyState, reason: string): void {
    this.#value = state
    const { key } = this.#options
    this.#alarm('value', problem('TURNOUT_REDIS_VALUE', { key, state, reason }))
  }

  #tellTrouble(error: unknown): void {
    if (!(error instanceof RedisTrouble)) {
      // Nobody could take the rules: the same text is tried again.
      this.#text = null
      this.#tellValue('refused', error instanceof Error ? error.message : String(error))
      return
    }
    this.#tellConnection(error.trouble, error.message)
  }

  #tellConnection(state: RedisConnection, reason: string): void {
    this.#connection = state
    const { shown: url } = this.#options.place
    this.#alarm('connection', problem('TURNOUT_REDIS_UNREACHABLE', { url, state, reason }))
  }

  #tellAnswered(tookMs: number): void {
    if (tookMs >= slowMs)
      return this.#tellConnection('slow', `an answer took more than ${slowMs} ms`)
    this.#connection = 'up'
    this.#clear('connection')
  }

  #tellEviction(facts: ServerFacts | null): void {
    const reason = facts === null ? null : dangerOf(facts)
    if (reason === null) return this.#clear('eviction')
    const { place, key } = this.#options
    this.#alarm('eviction', problem('TURNOUT_REDIS_EVICTS', { url: place.shown, key, reason }))
  }

  /** Told again only when it is another one. */
  #alarm(about: Alarm, found: Problem): void {
    if (this.#alarms.get(about)?.message === found.message) return
    this.#alarms.set(about, found)
    this.#options.onAlarm(found)
  }

  #clear(about: Alarm): void {
    if (this.#alarms.delete(about) && this.#alarms.size === 0) this.#options.onCleared()
  }

  #resolveStart(): void {
    this.#started?.()
    this.#started = null
  }

  /** Waits so long, or until something is to be done. A hint is waited out for a moment: more may follow. */
  async #pause(ms: number, isHintable: boolean): Promise<void> {
    if (!(isHintable && this.#isHinted)) await this.#wait(ms, !isHintable)
    if (isHintable && this.#isHinted && !this.#isClosed) {
      const restMs = this.#restsUntil - performance.now()
      await this.#wait(Math.max(settleMs, restMs), true)
    }
    this.#isHinted = false
  }

  #wait(ms: number, isDeaf = false): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#wake = null
        resolve()
      }
      const timer = setTimeout(done, ms).unref()
      this.#wake = () => {
        if (!isDeaf || this.#isClosed) done()
      }
    })
  }
}

/** Why a key is not there. */
function whyGone(
  wasThere: boolean,
  seen: ServerFacts | null,
  now: ServerFacts | null,
): readonly [RedisKeyState, string] {
  if (!wasThere) return ['missing', 'there is no such key']
  if (seen !== null && now !== null) {
    if (seen.runId !== now.runId) return ['lost', 'the server was started anew without it']
    const evicted = now.evictedKeys - seen.evictedKeys
    if (evicted > 0)
      return [
        'evicted',
        `the server dropped ${evicted} key${evicted === 1 ? '' : 's'} to make room (${now.policy})`,
      ]
  }
  return ['deleted', 'it was there before']
}

/** How a server may come to drop the key; null: it does not. */
function dangerOf({ policy, keyEndsInMs }: ServerFacts): string | null {
  if (policy.startsWith('allkeys-')) return `its maxmemory-policy is ${policy}`
  if (keyEndsInMs === null) return null
  if (policy.startsWith('volatile-'))
    return `it has a time to live, and the maxmemory-policy is ${policy}`
  return 'it has a time to live'
}
