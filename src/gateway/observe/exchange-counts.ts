import { Histogram } from '../../core/metrics/histogram.ts'
import { durationBuckets, mostRows, otherRow } from '../../core/metrics/metric-table.ts'
import { labelText, type ReadingsWriter } from '../../core/metrics/series.ts'
import { getKey } from '../../core/persistent-map.ts'
import type { Route } from '../../core/route/route.ts'
import type { Table } from '../../core/route/table.ts'
import type { Exchange } from '../exchange.ts'
import type { Kept } from '../kept.ts'

/** What exchanges can come to; the first five by the status of the answer. */
export const exchangeClasses = ['1xx', '2xx', '3xx', '4xx', '5xx', 'left', 'cut'] as const
const left = 5
const cut = 6

/** A row of a route that the table has no more is forgotten when it was idle for so long. */
const keptMs = 60 * 60_000
const sweepMs = 10_000

/** What exchanges of one route and one module version came to. */
export interface Row {
  /** Whose it is. */
  readonly of: ExchangeCounts
  readonly route: string
  readonly version: string
  readonly classes: Float64Array
  readonly durations: Histogram
  /** Of all classes when it was last looked at, and when that was new. */
  seen: number
  movedAt: number
  isForgotten: boolean
}

/**
 * Counts exchanges, a few tens of nanoseconds for each. Rows are those of at most `most` routes and versions; the rest is
 * counted together. Times are those of the monotonic clock.
 *
 *     route object ──WeakMap──> row <── by id and version      durations: one for each id
 */
export class ExchangeCounts {
  readonly #table: () => Table
  readonly #most: number
  /** A route is one object for as long as a revision does not touch it. */
  readonly #known: WeakMap<Route, Row>
  readonly #rows: Map<string, Row>
  readonly #durations: Map<string, Histogram>
  readonly #other: Row
  readonly #routeless: Row
  readonly #failures: Map<string, number>
  /** Routes for which there was no place at the last look. */
  #crowd: WeakSet<Route>
  #inFlight: number
  #sweptAt: number
  /** How often a place was looked for. */
  #looks: number

  constructor(table: () => Table, most: number = mostRows) {
    this.#table = table
    this.#most = most
    this.#known = new WeakMap()
    this.#rows = new Map()
    this.#durations = new Map()
    this.#other = newRow(this, otherRow, '', new Histogram(durationBuckets), 0)
    this.#routeless = newRow(this, '', '', new Histogram(durationBuckets), 0)
    this.#failures = new Map()
    this.#crowd = new WeakSet()
    this.#inFlight = 0
    this.#sweptAt = 0
    this.#looks = 0
  }

  began(): void {
    this.#inFlight += 1
  }

  /** It ended at `now`. */
  ended(exchange: Exchange, now: number): void {
    const { route, moduleVersion, failure, headAt } = exchange
    let row = this.#routeless
    if (route !== null) {
      this.#inFlight -= 1
      row = this.#rowOf(route, moduleVersion, now, exchange.kept)
    }
    const at = classOf(exchange)
    row.classes[at]! += 1
    if (failure !== null) this.#failures.set(failure, (this.#failures.get(failure) ?? 0) + 1)
    if (at >= left || exchange.isEndless) return
    row.durations.record(((headAt === 0 ? now : headAt) - exchange.startedAt) / 1_000)
  }

  /** Rows that are told apart. */
  get rows(): number {
    return this.#rows.size
  }

  read(writer: ReadingsWriter, now: number): void {
    this.#sweep(now)
    writer.add('turnout_exchanges_in_flight', [], this.#inFlight)
    for (const [code, count] of this.#failures)
      writer.add('turnout_exchange_failures_total', [code], count)
    const routes = new Map<string, Histogram>()
    for (const row of [this.#routeless, this.#other, ...this.#rows.values()]) {
      const { route, version, classes, durations } = row
      if (classes.every((count) => count === 0)) continue
      routes.set(route, durations)
      for (const [at, name] of exchangeClasses.entries()) {
        // A rate has to begin somewhere: the first error must not be the first that is heard of the series.
        if (classes[at] !== 0 || name === '5xx')
          writer.add('turnout_exchanges_total', [route, version, name], classes[at]!)
      }
    }
    for (const [route, { values }] of routes)
      writer.addAll('turnout_exchange_duration_seconds', [route], values)
  }

  #rowOf(route: Route, version: string, now: number, kept: Kept | null): Row {
    const known = kept?.row ?? null
    if (known !== null && known.of === this) {
      if (known.version === version && !known.isForgotten && known !== this.#other) return known
      // There is no place as long as nobody has looked for one again.
      if (known === this.#other && kept!.look === this.#looks && now - this.#sweptAt < sweepMs)
        return known
    }
    const row = this.#find(route, version, now)
    if (kept !== null) {
      kept.row = row
      kept.look = this.#looks
    }
    return row
  }

  #find(route: Route, version: string, now: number): Row {
    const known = this.#known.get(route)
    if (known !== undefined && known.version === version && !known.isForgotten) return known
    if (now - this.#sweptAt < sweepMs && this.#crowd.has(route)) return this.#other
    const id = labelText(route.id)
    const label = labelText(version)
    const key = JSON.stringify([id, label])
    let row = this.#rows.get(key)
    if (row === undefined) {
      if (this.#rows.size >= this.#most) this.#sweep(now)
      if (this.#rows.size >= this.#most) {
        this.#crowd.add(route)
        return this.#other
      }
      row = newRow(this, id, label, this.#durationsOf(id), now)
      this.#rows.set(key, row)
    }
    // Whose version was cut short is looked for each time.
    if (label === version) this.#known.set(route, row)
    return row
  }

  #durationsOf(id: string): Histogram {
    let durations = this.#durations.get(id)
    if (durations === undefined) {
      durations = new Histogram(durationBuckets)
      this.#durations.set(id, durations)
    }
    return durations
  }

  /** Forgets what the table does not serve any more and what has been idle for long. No timer has to run for it. */
  #sweep(now: number): void {
    if (now - this.#sweptAt < sweepMs) return
    this.#sweptAt = now
    this.#looks += 1
    this.#crowd = new WeakSet()
    const routes = new Set<string>()
    for (const [key, row] of this.#rows) {
      const count = row.classes.reduce((sum, one) => sum + one, 0)
      if (count !== row.seen) {
        row.seen = count
        row.movedAt = now
      }
      if (now - row.movedAt > keptMs && !this.#isServed(row)) {
        row.isForgotten = true
        this.#rows.delete(key)
      } else routes.add(row.route)
    }
    for (const id of this.#durations.keys()) if (!routes.has(id)) this.#durations.delete(id)
  }

  #isServed({ route: id, version }: Row): boolean {
    const table = this.#table()
    const route = getKey(table.routes, id)
    if (route === undefined) return false
    if (route.target.kind !== 'module') return true
    return getKey(table.modules, route.target.module)?.version === version
  }
}

const newRow = (
  of: ExchangeCounts,
  route: string,
  version: string,
  durations: Histogram,
  now: number,
): Row => ({
  of,
  route,
  version,
  classes: new Float64Array(exchangeClasses.length),
  durations,
  seen: 0,
  movedAt: now,
  isForgotten: false,
})

function classOf({ abortReason, failure, fault, headAt, status, transport }: Exchange): number {
  if (failure === 'TURNOUT_CLIENT_LEFT') return left
  if (abortReason !== null) return cut
  // Its handler failed when the head was out.
  if (fault !== 0 && headAt !== 0) return cut
  if (headAt === 0 && transport.isGone) return left
  // Nobody has said what it came to.
  if (status === 0) return cut
  return status < 200 ? 0 : status < 300 ? 1 : status < 400 ? 2 : status < 500 ? 3 : 4
}
