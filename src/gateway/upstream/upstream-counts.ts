import { performance } from 'node:perf_hooks'
import { Histogram } from '../../core/metrics/histogram.ts'
import { durationBuckets, mostRows, otherRow } from '../../core/metrics/metric-table.ts'
import { labelText, type ReadingsWriter } from '../../core/metrics/series.ts'
import type { MetricName } from '../../core/metrics/metric-table.ts'
import type { FailureKind } from './client.ts'
import type { UpstreamEvent } from './event.ts'
import type { UpstreamStatus } from './status.ts'

/** Why an attempt had no answer: as the client says it, or because the time for the whole exchange was up. */
type Failed = FailureKind | 'total-timeout'

const classes = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const
/** Counts of an upstream that is there no more are forgotten when nothing came for so long. */
const keptMs = 60 * 60_000

/** Told from the first on, for who looks at how fast they grow. */
const rare: readonly MetricName[] = [
  'turnout_upstream_retries_total',
  'turnout_upstream_answers_cut_total',
  'turnout_upstream_ejections_total',
  'turnout_upstream_readmissions_total',
  'turnout_upstream_connection_leaks_total',
]

const add = (counts: Map<string, number>, key: string): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** What became of an upstream's attempts, through all revisions. */
export class UpstreamTally {
  readonly #answers: Float64Array
  readonly #failures: Map<string, number>
  readonly #durations: Histogram
  readonly #events: Map<MetricName, Map<string, number>>
  /** When something was counted last, on the monotonic clock; close enough to forget by. */
  usedAt: number

  constructor() {
    this.#answers = new Float64Array(classes.length)
    this.#failures = new Map()
    this.#durations = new Histogram(durationBuckets)
    this.#events = new Map()
    this.usedAt = performance.now()
  }

  /** `sentAt`, `now`: on the monotonic clock. */
  answered(status: number, sentAt: number, now: number): void {
    this.usedAt = now
    const at = Math.floor(status / 100) - 1
    this.#answers[at]! += 1
    this.#durations.record((now - sentAt) / 1_000)
  }

  failed(failure: Failed): void {
    this.usedAt = performance.now()
    add(this.#failures, failure)
  }

  /** Counts what is rare. */
  count(name: MetricName, label: string = ''): void {
    this.usedAt = performance.now()
    let counts = this.#events.get(name)
    if (counts === undefined) this.#events.set(name, (counts = new Map()))
    add(counts, label)
  }

  read(writer: ReadingsWriter, upstream: string): void {
    for (const [at, name] of classes.entries())
      if (this.#answers[at] !== 0)
        writer.add('turnout_upstream_attempts_total', [upstream, name], this.#answers[at]!)
    for (const [failure, count] of this.#failures)
      writer.add('turnout_upstream_attempts_total', [upstream, failure], count)
    writer.addAll('turnout_upstream_attempt_duration_seconds', [upstream], this.#durations.values)
    for (const name of rare) if (!this.#events.has(name)) writer.add(name, [upstream], 0)
    for (const [name, counts] of this.#events)
      for (const [label, count] of counts)
        writer.add(name, label === '' ? [upstream] : [upstream, label], count)
  }
}

/** The tallies of the upstreams of a process, by name. */
export class UpstreamCounts {
  readonly #tallies: Map<string, UpstreamTally>
  readonly #other: UpstreamTally

  constructor() {
    this.#tallies = new Map()
    this.#other = new UpstreamTally()
  }

  /** That of a name; beyond as many as there may be, one for all. */
  of(upstream: string): UpstreamTally {
    const name = labelText(upstream)
    const known = this.#tallies.get(name)
    if (known !== undefined) return known
    if (this.#tallies.size >= mostRows) return this.#other
    const tally = new UpstreamTally()
    this.#tallies.set(name, tally)
    return tally
  }

  told(event: UpstreamEvent): void {
    const tally = this.of(event.upstream)
    const { kind } = event
    if (kind === 'ejected') tally.count('turnout_upstream_ejections_total')
    else if (kind === 'readmitted') tally.count('turnout_upstream_readmissions_total')
    else if (kind === 'breaker') tally.count('turnout_upstream_breaker_transitions_total', event.to)
    else if (kind === 'healthy' || kind === 'unhealthy')
      tally.count('turnout_upstream_health_changes_total', kind)
  }

  /** `live`: what upstreams are now that are there. */
  read(writer: ReadingsWriter, live: readonly UpstreamStatus[], now: number): void {
    const names = new Set(live.map(({ name }) => labelText(name)))
    for (const [name, tally] of this.#tallies) {
      if (!names.has(name) && now - tally.usedAt > keptMs) this.#tallies.delete(name)
      else tally.read(writer, name)
    }
    if (this.#tallies.size >= mostRows) this.#other.read(writer, otherRow)
    for (const status of live) readStatus(writer, status)
  }
}

function readStatus(writer: ReadingsWriter, status: UpstreamStatus): void {
  const upstream = labelText(status.name)
  const { endpoints, breaker } = status
  writer.add('turnout_upstream_active', [upstream], status.active)
  writer.add('turnout_upstream_waiting', [upstream], status.waiting)
  if (breaker !== null) writer.add('turnout_upstream_breaker_state', [upstream, breaker.state], 1)
  for (const state of ['healthy', 'slow-start', 'unhealthy', 'ejected', 'draining'] as const) {
    const count = endpoints.filter((one) => one.state === state).length
    writer.add('turnout_upstream_endpoints', [upstream, state], count)
  }
  const sum = (of: (one: (typeof endpoints)[number]['connections']) => number): number =>
    endpoints.reduce((total, { connections }) => total + of(connections), 0)
  const states = {
    active: sum(({ open, idle, upgraded }) => open - idle - upgraded),
    idle: sum(({ idle }) => idle),
    upgraded: sum(({ upgraded }) => upgraded),
  }
  for (const [state, count] of Object.entries(states))
    writer.add('turnout_upstream_connections', [upstream, state], count)
}
