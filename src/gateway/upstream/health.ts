import { isDeepStrictEqual } from 'node:util'
import type { HealthCheckSettings } from '../../core/route/upstream.ts'
import type { AnswerListener, Failure } from './client.ts'
import type { LiveEndpoint } from './live-endpoint.ts'

/** What a health check came to. */
export interface CheckResult {
  readonly isGood: boolean
  /** ISO 8601. */
  readonly at: string
  /** Of the answer; null: there was none. */
  readonly status: number | null
  /** Why it is not good; null: it is. */
  readonly reason: string | null
}

interface Watch {
  timer: NodeJS.Timeout
  /** Answers of one kind in a row. */
  good: number
  bad: number
  last: CheckResult | null
}

/** Asks endpoints whether they are well, and tells when one's state changes. Open/close. */
export class HealthChecks {
  readonly #onChange: (endpoint: LiveEndpoint, isHealthy: boolean, reason: string) => void
  readonly #onPassed: (endpoint: LiveEndpoint) => void
  readonly #watches: Map<LiveEndpoint, Watch>
  #settings: HealthCheckSettings | null

  constructor(
    onChange: (endpoint: LiveEndpoint, isHealthy: boolean, reason: string) => void,
    onPassed: (endpoint: LiveEndpoint) => void,
  ) {
    this.#onChange = onChange
    this.#onPassed = onPassed
    this.#watches = new Map()
    this.#settings = null
  }

  update(settings: HealthCheckSettings | null, endpoints: readonly LiveEndpoint[]): void {
    if (isDeepStrictEqual(settings, this.#settings)) return
    this.close()
    this.#settings = settings
    for (const endpoint of endpoints) {
      if (settings === null && !endpoint.isHealthy)
        this.#onChange(endpoint, true, 'it is checked no more')
      this.add(endpoint)
    }
  }

  add(endpoint: LiveEndpoint): void {
    if (this.#settings === null || this.#watches.has(endpoint)) return
    const watch: Watch = {
      timer: setTimeout(() => this.#check(endpoint), 0).unref(),
      good: 0,
      bad: 0,
      last: null,
    }
    this.#watches.set(endpoint, watch)
  }

  remove(endpoint: LiveEndpoint): void {
    clearTimeout(this.#watches.get(endpoint)?.timer)
    this.#watches.delete(endpoint)
  }

  /** The last one of an endpoint; null: there was none. */
  resultOf(endpoint: LiveEndpoint): CheckResult | null {
    return this.#watches.get(endpoint)?.last ?? null
  }

  close(): void {
    for (const { timer } of this.#watches.values()) clearTimeout(timer)
    this.#watches.clear()
  }

  #check(endpoint: LiveEndpoint): void {
    const settings = this.#settings
    if (settings === null) return
    const { path, host, intervalMs, timeoutMs, statuses } = settings
    let isDone = false
    const done = (isGood: boolean | null, status: number | null, reason: string): void => {
      if (isDone) return
      isDone = true
      clearTimeout(deadline)
      const watch = this.#watches.get(endpoint)
      if (watch === undefined) return
      watch.timer = setTimeout(() => this.#check(endpoint), intervalMs).unref()
      if (isGood === null) return
      const at = new Date().toISOString()
      watch.last = { isGood, at, status, reason: isGood ? null : reason }
      this.#count(endpoint, watch, isGood, reason)
    }
    const listener: AnswerListener = {
      label: 'health check',
      onInformational: () => undefined,
      onHead: (status) => {
        const isGood = statuses.some(([from, to]) => status >= from && status <= to)
        queueMicrotask(() => outgoing.abort('the health check is over'))
        done(isGood, status, `it answers ${status}`)
      },
      onData: () => true,
      onEnd: () => undefined,
      onUpgrade: (_, socket) => {
        socket.destroy()
        done(false, 101, 'it answers 101')
      },
      // Who is busy with others is not ill.
      onFailure: ({ kind, reason }: Failure) => done(kind === 'busy' ? null : false, null, reason),
      onDrain: () => undefined,
    }
    const deadline = setTimeout(() => {
      outgoing.abort('the health check took too long')
      done(false, null, `no answer within ${timeoutMs} ms`)
    }, timeoutMs)
    const headers = ['host', host ?? endpoint.authority, 'user-agent', 'turnout-health-check']
    const outgoing = endpoint.client.send(
      { method: 'GET', target: path, headers, bodyLength: 0, upgrade: null },
      listener,
    )
  }

  #count(endpoint: LiveEndpoint, watch: Watch, isGood: boolean, reason: string): void {
    const { healthyAfter, unhealthyAfter } = this.#settings!
    if (isGood) this.#onPassed(endpoint)
    watch.good = isGood ? watch.good + 1 : 0
    watch.bad = isGood ? 0 : watch.bad + 1
    if (endpoint.isHealthy && watch.bad >= unhealthyAfter) this.#onChange(endpoint, false, reason)
    else if (!endpoint.isHealthy && watch.good >= healthyAfter)
      this.#onChange(endpoint, true, reason)
  }
}
