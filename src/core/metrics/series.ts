import { metricNames, metricTable, widthOf, type MetricName } from './metric-table.ts'

/**
 * What one metric reads: series behind one another, each with its labels and its numbers. Flat, because it is sent between
 * processes. A counter and a gauge have one number; a histogram has one for each bucket, that beyond the last too, and the
 * sum.
 */
export interface Series {
  readonly labels: readonly string[]
  readonly values: Float64Array
}

/** What a process reads, by metric. Plain data. */
export type Readings = { readonly [Name in MetricName]?: Series }

/** Each series of what was read. */
export function* seriesOf(
  readings: Readings,
): Generator<readonly [MetricName, readonly string[], Float64Array]> {
  for (const name of metricNames) {
    const series = readings[name]
    if (series === undefined) continue
    const metric = metricTable[name]
    const width = widthOf(metric)
    const labelCount = metric.labels.length
    for (let at = 0; at * width < series.values.length; at += 1)
      yield [
        name,
        series.labels.slice(at * labelCount, (at + 1) * labelCount),
        series.values.subarray(at * width, (at + 1) * width),
      ]
  }
}

/** Longest text of a label; of what is longer, the beginning. */
const longestLabel = 200

/** A text as a label has it: not too long, and one that UTF-8 can write. */
export function labelText(text: string): string {
  const part = text.length > longestLabel ? `${text.slice(0, longestLabel - 1)}…` : text
  return part.replaceAll(
    /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    '\ufffd',
  )
}

/** Collects what is read. */
export class ReadingsWriter {
  readonly #labels: Map<MetricName, string[]>
  readonly #values: Map<MetricName, number[]>

  constructor() {
    this.#labels = new Map()
    this.#values = new Map()
  }

  add(name: MetricName, labels: readonly string[], ...values: readonly number[]): void {
    this.addAll(name, labels, values)
  }

  addAll(name: MetricName, labels: readonly string[], values: Iterable<number>): void {
    let known = this.#values.get(name)
    if (known === undefined) {
      this.#values.set(name, (known = []))
      this.#labels.set(name, [])
    }
    this.#labels.get(name)!.push(...labels)
    known.push(...values)
  }

  readings(): Readings {
    return Object.fromEntries(
      [...this.#values].map(([name, values]) => [
        name,
        { labels: this.#labels.get(name)!, values: Float64Array.from(values) },
      ]),
    )
  }
}
