import { Registry, type RegistryContentType } from 'prom-client'
import { metricNames, metricTable, type MetricName } from '../core/metrics/metric-table.ts'
import { seriesOf, type Readings } from '../core/metrics/series.ts'

/** What a scrape is answered. */
export interface Scrape {
  readonly type: string
  readonly text: string
}

interface Value {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  readonly metricName?: string
  readonly sharedLabels?: Readonly<Record<string, string>>
}

/** As OpenMetrics wants its bounds: `1.0`. */
const boundText = (bound: number): string =>
  Number.isInteger(bound) ? bound.toFixed(1) : String(bound)

const boundsOf = new Map(
  metricNames.flatMap((name) => {
    const { buckets } = metricTable[name]
    return buckets === undefined ? [] : [[name, [...buckets.map(boundText), '+Inf']] as const]
  }),
)

/** Writes readings as text. Prometheus understands both forms. */
export async function writeMetrics(readings: Readings, isOpenMetrics: boolean): Promise<Scrape> {
  const registry = new Registry<RegistryContentType>()
  registry.setContentType(
    isOpenMetrics ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE,
  )
  for (const name of metricNames) {
    if (readings[name] === undefined) continue
    const { type, help } = metricTable[name]
    // What is counted elsewhere is handed over when it is asked for. OpenMetrics takes the ending of the name away.
    const metric = {
      name: name as string,
      type,
      get: () => ({ name: metric.name, help, type, values: [...valuesOf(name, readings)] }),
    }
    registry.registerMetric(metric as never)
  }
  return { type: registry.contentType, text: await registry.metrics() }
}

function* valuesOf(name: MetricName, readings: Readings): Generator<Value> {
  const { labels: names, type } = metricTable[name]
  const bounds = boundsOf.get(name)
  for (const [, labels, values] of seriesOf({ [name]: readings[name] })) {
    const named = Object.fromEntries(names.map((label, at) => [label, labels[at]!]))
    if (type !== 'histogram' || bounds === undefined) yield { labels: named, value: values[0]! }
    else yield* histogramOf(name, named, values, bounds)
  }
}

function* histogramOf(
  name: MetricName,
  sharedLabels: Readonly<Record<string, string>>,
  values: Float64Array,
  bounds: readonly string[],
): Generator<Value> {
  let count = 0
  for (const [at, le] of bounds.entries()) {
    count += values[at]!
    yield { metricName: `${name}_bucket`, labels: { le }, sharedLabels, value: count }
  }
  const sum = values[bounds.length]!
  yield { metricName: `${name}_sum`, labels: {}, sharedLabels, value: sum }
  yield { metricName: `${name}_count`, labels: {}, sharedLabels, value: count }
}

/** Whether who asks takes OpenMetrics at least as gladly as plain text. */
export function wantsOpenMetrics(accept: string): boolean {
  let open = 0
  let plain = 0
  for (const part of accept.split(',')) {
    const [range = '', ...params] = part.split(';').map((text) => text.trim().toLowerCase())
    const given = params.find((text) => /^q\s*=/.test(text))
    const weight = given === undefined ? 1 : Number(given.slice(given.indexOf('=') + 1))
    const isKnown = params.every(
      (text) => !/^version\s*=/.test(text) || /=\s*"?1\.0\.0"?$/.test(text),
    )
    if (!(weight > 0)) continue
    if (range === 'application/openmetrics-text' && isKnown) open = Math.max(open, weight)
    else if (range === 'text/plain' || range === 'text/*') plain = Math.max(plain, weight)
  }
  return open > 0 && open >= plain
}
