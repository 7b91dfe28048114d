import { readVersion } from './cli/version.ts'
import { TurnoutError } from './core/errors.ts'
import { Histogram } from './core/metrics/histogram.ts'
import { metricTable } from './core/metrics/metric-table.ts'
import { labelText, ReadingsWriter, type Readings } from './core/metrics/series.ts'
import type { RolloutMeasurement } from './core/rollout/measurement.ts'
import type { Publisher } from './control/publisher.ts'
import type { Rollouts } from './control/rollouts.ts'
import type { RedisStatus } from './source/redis/status.ts'
import { ProcessMeter } from './telemetry/process-meter.ts'
import type { Scrape } from './telemetry/metrics-text.ts'
import type { TurnoutEmitter } from './turnout-events.ts'
import type { Serving } from './turnout-serving.ts'

/** What the metrics of an instance are read of. */
export interface MetricsWiring {
  readonly events: TurnoutEmitter
  readonly serving: Serving
  readonly publisher: () => Publisher
  readonly rollouts: () => Rollouts
  readonly sources: () => readonly RedisStatus[]
  readonly isReady: () => boolean
}

/** Who is not known by a token costs no more than one scrape in so long. */
const recentMs = 1_000

/** Counts by one label or two. */
type Counts = Map<string, { readonly labels: readonly string[]; count: number }>

/**
 * The metrics of an instance: what its workers read, and what only it knows. Nothing is read before somebody asks.
 * Open/close.
 */
export class InstanceMetrics {
  readonly #wiring: MetricsWiring
  readonly #rejections: Counts
  readonly #verdicts: Counts
  readonly #probations: Counts
  readonly #offences: Counts
  readonly #restarts: Counts
  readonly #durations: Histogram
  /** Of this process; null: it serves, and reads itself. */
  readonly #meter: ProcessMeter | null
  readonly #unsubscribe: readonly (() => void)[]
  #version: string | null
  #applies: number
  #takeBacks: number
  #disposed: number
  #rejectedSince: number
  /** By whether it is OpenMetrics. */
  readonly #recent: Map<boolean, { readonly at: number; readonly scrape: Promise<Scrape> }>
  #reading: Promise<Readings> | null
  #next: Promise<Readings> | null

  constructor(wiring: MetricsWiring) {
    this.#wiring = wiring
    this.#rejections = new Map()
    this.#verdicts = new Map()
    this.#probations = new Map()
    this.#offences = new Map()
    this.#restarts = new Map()
    this.#durations = new Histogram(metricTable.turnout_apply_duration_seconds.buckets!)
    this.#meter = wiring.serving.gateway === null ? new ProcessMeter(0) : null
    this.#version = null
    this.#applies = 0
    this.#takeBacks = 0
    this.#disposed = 0
    this.#rejectedSince = 0
    this.#recent = new Map()
    this.#reading = null
    this.#next = null
    const { events } = wiring
    this.#unsubscribe = [
      events.on('applied', ({ revision, durationMs }) => {
        this.#applies += 1
        this.#rejectedSince = 0
        this.#durations.record(durationMs / 1_000)
        if (revision.takesBack !== null && revision.author === 'turnout') this.#takeBacks += 1
      }),
      events.on('rejected', ({ rejections }) => {
        this.#rejectedSince += 1
        for (const { problems } of rejections)
          for (const { code } of problems) count(this.#rejections, 1, code)
      }),
      events.on('retired', () => (this.#disposed += 1)),
      events.on('probation', ({ state }) => count(this.#probations, 1, state)),
      events.on('offence', ({ kind }) => count(this.#offences, 1, kind)),
      events.on('worker', ({ kind, worker }) => {
        if (kind !== 'started') count(this.#restarts, 1, String(worker), kind)
      }),
    ]
  }

  /** A rollout was judged. */
  measured({ verdict }: RolloutMeasurement): void {
    count(this.#verdicts, 1, verdict)
  }

  /** What is answered to whoever has this `Accept`. */
  async scrape(accept: string): Promise<Scrape> {
    // Who never scrapes need not load it.
    const { wantsOpenMetrics, writeMetrics } = await import('./telemetry/metrics-text.ts')
    return writeMetrics(await this.readings(), wantsOpenMetrics(accept))
  }

  /** The same, a second old at most: for whoever may ask as often as they like. */
  async recent(accept: string): Promise<Scrape> {
    const { wantsOpenMetrics } = await import('./telemetry/metrics-text.ts')
    const form = wantsOpenMetrics(accept)
    const kept = this.#recent.get(form)
    const now = performance.now()
    if (kept !== undefined && now - kept.at < recentMs) return kept.scrape
    const scrape = this.scrape(accept)
    this.#recent.set(form, { at: now, scrape })
    return scrape
  }

  /** One reading at a time: who comes meanwhile shares the next, which begins after the request. */
  readings(): Promise<Readings> {
    if (this.#reading === null) {
      const reading = this.#read().finally(() => (this.#reading = null))
      this.#reading = reading
      return reading
    }
    this.#next ??= this.#reading
      .catch(() => undefined)
      .then(() => {
        this.#next = null
        return this.readings()
      })
    return this.#next
  }

  close(): void {
    for (const end of this.#unsubscribe) end()
    this.#meter?.close()
  }

  async #read(): Promise<Readings> {
    const { serving } = this.#wiring
    const writer = new ReadingsWriter()
    this.#readInstance(writer)
    await this.#meter?.read(writer)
    const served = await serving.readings()
    return joined(served, writer.readings())
  }

  #readInstance(writer: ReadingsWriter): void {
    const { serving, publisher, rollouts, sources, isReady } = this.#wiring
    const { revision, table } = publisher().current
    this.#version ??= readVersion()
    writer.add('turnout_build_info', [this.#version, process.version], 1)
    writer.add('turnout_ready', [], isReady() ? 1 : 0)
    writer.add('turnout_revision', [], revision.number)
    writer.add('turnout_routes', [], table.routes.size)
    writer.add('turnout_modules', [], table.modules.size)
    writer.add('turnout_upstreams', [], table.upstreams.size)
    writer.add('turnout_applies_total', [], this.#applies)
    writer.addAll('turnout_apply_duration_seconds', [], this.#durations.values)
    if (revision.number > 0) {
      writer.add('turnout_last_apply_timestamp_seconds', [], revision.at / 1_000)
      const age = Math.max(0, (Date.now() - revision.at) / 1_000)
      writer.add('turnout_last_apply_age_seconds', [], age)
    }
    writer.add('turnout_rejected_since_apply', [], this.#rejectedSince)
    writer.add('turnout_take_backs_total', [], this.#takeBacks)
    writer.add('turnout_versions_disposed_total', [], this.#disposed)
    writeCounts(writer, 'turnout_rejections_total', this.#rejections)
    writeCounts(writer, 'turnout_probation_verdicts_total', this.#probations)
    writeCounts(writer, 'turnout_rollout_verdicts_total', this.#verdicts)
    writeCounts(writer, 'turnout_offences_total', this.#offences)
    for (const { worker } of serving.workers())
      for (const reason of ['ended', 'replaced']) count(this.#restarts, 0, String(worker), reason)
    writeCounts(writer, 'turnout_worker_restarts_total', this.#restarts)
    const statuses: Counts = new Map()
    for (const { rollout } of rollouts().list()) count(statuses, 1, rollout.status)
    writeCounts(writer, 'turnout_rollouts', statuses)
    const states: Counts = new Map()
    for (const { state } of serving.workers()) count(states, 1, state)
    writeCounts(writer, 'turnout_workers', states)
    for (const { owner, alarms } of sources())
      writer.add('turnout_sources_failing', [labelText(owner)], alarms.length > 0 ? 1 : 0)
    const draining = serving.worker.draining()
    writer.add('turnout_retired_versions', [], draining.length)
    for (const { module, version, exchanges } of draining) {
      const labels = [labelText(module), labelText(version)]
      writer.add('turnout_retired_version_exchanges', labels, exchanges)
    }
  }
}

/** What an operation or a listener is given; rejects with TURNOUT_METRICS_OFF. */
export function scrapeOf(metrics: InstanceMetrics | null, accept: string): Promise<Scrape> {
  if (metrics === null) return Promise.reject(new TurnoutError('TURNOUT_METRICS_OFF'))
  return metrics.scrape(accept)
}

function count(counts: Counts, more: number, ...labels: readonly string[]): void {
  const key = labels.join(' ')
  const known = counts.get(key)
  if (known === undefined) counts.set(key, { labels, count: more })
  else known.count += more
}

function writeCounts(
  writer: ReadingsWriter,
  name: Parameters<ReadingsWriter['add']>[0],
  counts: Counts,
): void {
  for (const { labels, count: value } of counts.values()) writer.add(name, labels, value)
}

/** Readings of different processes, side by side. */
function joined(one: Readings, other: Readings): Readings {
  const all: { [name: string]: Readings[keyof Readings] } = { ...one }
  for (const [name, series] of Object.entries(other)) {
    const known = all[name]
    all[name] =
      known === undefined
        ? series
        : {
            labels: [...known.labels, ...series.labels],
            values: Float64Array.from([...known.values, ...series.values]),
          }
  }
  return all
}
