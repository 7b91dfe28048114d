import { metricTable, mostRows, otherRow } from './metric-table.ts'
import type { Metric, MetricName } from './metric-table.ts'
import { ReadingsWriter, seriesOf, type Readings } from './series.ts'

/** What is no longer told, and did not move for so long, is forgotten. */
const keptMs = 60 * 60_000

interface Total {
  readonly labels: readonly string[]
  readonly values: Float64Array
  movedAt: number
}

interface Gauge {
  readonly labels: readonly string[]
  value: number
}

/** What a process told last. */
interface Known {
  readings: Readings
  /** Of what only grows: numbers by metric and labels. */
  grown: Map<string, Float64Array>
  takenAt: number
}

/**
 * What several processes read, together. What only grows is added up by what it grew since the last reading of the same
 * process; so it never goes back, whichever process ends.
 *
 *     process 1   40 → 55          total + 15
 *     process 2   12 → gone        total + 0     (what it told at its end was taken before)
 *     process 3        5           total + 5
 */
export class Totals<Process extends object | string> {
  readonly #most: number
  readonly #known: Map<Process, Known>
  readonly #totals: Map<MetricName, Map<string, Total>>
  /** Rows of bounded metrics that have a place of their own. */
  readonly #rows: Map<MetricName, Set<string>>
  #sweptAt: number

  constructor(most: number = mostRows) {
    this.#most = most
    this.#known = new Map()
    this.#totals = new Map()
    this.#rows = new Map()
    this.#sweptAt = 0
  }

  /** Takes what a process reads now. */
  take(process: Process, readings: Readings, now: number): void {
    const before = this.#known.get(process)?.grown
    const grown = new Map<string, Float64Array>()
    for (const [name, labels, values] of seriesOf(readings)) {
      if (metricTable[name].type === 'gauge') continue
      const key = JSON.stringify([name, ...labels])
      grown.set(key, values)
      this.#grow(name, labels, values, before?.get(key), now)
    }
    this.#known.set(process, { readings, grown, takenAt: now })
    this.#sweep(now)
  }

  /** It has ended: what it read stays in the sums. */
  forget(process: Process): void {
    this.#known.delete(process)
  }

  /** Milliseconds since it told something; null: it never did. */
  ageOf(process: Process, now: number): number | null {
    const known = this.#known.get(process)
    return known === undefined ? null : now - known.takenAt
  }

  /** All together. `isCurrent`: whether a process speaks for its place among the workers; not one that another replaced. */
  merged(isCurrent: (process: Process) => boolean = () => true): Readings {
    const writer = new ReadingsWriter()
    for (const [name, totals] of this.#totals)
      for (const { labels, values } of totals.values()) writer.addAll(name, labels, values)
    for (const [name, gauges] of this.#gauges(isCurrent))
      for (const { labels, value } of gauges.values()) writer.add(name, labels, value)
    return writer.readings()
  }

  #gauges(isCurrent: (process: Process) => boolean): Map<MetricName, Map<string, Gauge>> {
    const all = new Map<MetricName, Map<string, Gauge>>()
    const rows = new Map<MetricName, Set<string>>()
    for (const [process, { readings }] of this.#known) {
      const speaks = isCurrent(process)
      for (const [name, given, values] of seriesOf(readings)) {
        const metric = metricTable[name]
        if (metric.type !== 'gauge') continue
        if (!speaks && metric.labels.includes('worker')) continue
        let gauges = all.get(name)
        if (gauges === undefined) all.set(name, (gauges = new Map()))
        const labels = this.#place(rows, name, given)
        const value = values[0]!
        const key = JSON.stringify(labels)
        const known = gauges.get(key)
        if (known === undefined) gauges.set(key, { labels, value })
        else if (metric.merge === 'max') known.value = Math.max(known.value, value)
        else known.value += value
      }
    }
    return all
  }

  #grow(
    name: MetricName,
    given: readonly string[],
    values: Float64Array,
    before: Float64Array | undefined,
    now: number,
  ): void {
    const labels = this.#place(this.#rows, name, given)
    let totals = this.#totals.get(name)
    if (totals === undefined) this.#totals.set(name, (totals = new Map()))
    const key = JSON.stringify(labels)
    let total = totals.get(key)
    if (total === undefined) {
      total = { labels, values: new Float64Array(values.length), movedAt: now }
      totals.set(key, total)
    }
    // One that is lower began anew: its row was forgotten and came again.
    const isAnew = before === undefined || before.some((value, at) => value > values[at]!)
    let isMoved = false
    for (let at = 0; at < values.length; at += 1) {
      const grew = values[at]! - (isAnew ? 0 : before[at]!)
      if (grew === 0) continue
      total.values[at]! += grew
      isMoved = true
    }
    if (isMoved) total.movedAt = now
  }

  /** The labels that it is counted under: its own, or those of the rest. */
  #place(
    all: Map<MetricName, Set<string>>,
    name: MetricName,
    labels: readonly string[],
  ): readonly string[] {
    const metric = metricTable[name]
    if (metric.bounded === undefined || labels[0] === otherRow) return labels
    let rows = all.get(name)
    if (rows === undefined) all.set(name, (rows = new Set()))
    const row = rowKey(metric, labels)
    if (rows.has(row)) return labels
    if (rows.size >= this.#most) return otherLabels(metric, labels)
    rows.add(row)
    return labels
  }

  #sweep(now: number): void {
    if (now - this.#sweptAt < keptMs / 60) return
    this.#sweptAt = now
    const told = new Set<string>()
    for (const { grown } of this.#known.values()) for (const key of grown.keys()) told.add(key)
    for (const [name, totals] of this.#totals) {
      const metric = metricTable[name]
      if (metric.bounded === undefined) continue
      const rows = new Set<string>()
      for (const [key, { labels, movedAt }] of totals) {
        const isTold = told.has(JSON.stringify([name, ...labels]))
        if (labels[0] === otherRow) continue
        if (isTold || now - movedAt <= keptMs) rows.add(rowKey(metric, labels))
        else totals.delete(key)
      }
      this.#rows.set(name, rows)
    }
  }
}

const rowKey = ({ bounded }: Metric, labels: readonly string[]): string =>
  JSON.stringify(labels.slice(0, bounded))

const otherLabels = ({ bounded = 0 }: Metric, labels: readonly string[]): readonly string[] =>
  labels.map((label, at) => (at === 0 && bounded > 0 ? otherRow : at < bounded ? '' : label))
