import {
  PerformanceObserver,
  constants,
  monitorEventLoopDelay,
  performance,
  type IntervalHistogram,
  type PerformanceEntry,
} from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import { Histogram } from '../core/metrics/histogram.ts'
import { pauseBuckets } from '../core/metrics/metric-table.ts'
import type { ReadingsWriter } from '../core/metrics/series.ts'
import { countOpenFiles, mostOpenFiles } from '../worker/resources/file-limit.ts'
import { droppedLines } from './log.ts'

/** Milliseconds between two looks at the loop; a look costs some microseconds. */
const resolution = 20
/** Two that scrape at nearly the same time see the same. */
const windowMs = 4_000

const kinds: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
}

interface Collection extends PerformanceEntry {
  readonly detail: { readonly kind: number }
}

/** What the loop was like in a window. */
interface Loop {
  readonly delays: readonly (readonly [string, number])[]
  readonly utilization: number
  readonly until: number
}

/** Reads the process that it runs in: loop, collections, memory, files. It watches from the first reading on. Open/close. */
export class ProcessMeter {
  readonly #worker: string
  readonly #pauses: Map<string, Histogram>
  #collections: PerformanceObserver | null
  #delays: IntervalHistogram | null
  #utilization: ReturnType<typeof performance.eventLoopUtilization>
  #loop: Loop | null
  #isClosed: boolean

  constructor(worker: number) {
    this.#worker = String(worker)
    this.#pauses = new Map()
    this.#collections = null
    this.#delays = null
    this.#utilization = performance.eventLoopUtilization()
    this.#loop = null
    this.#isClosed = false
  }

  async read(writer: ReadingsWriter): Promise<void> {
    this.#watch()
    const own = [this.#worker]
    const memory = process.memoryUsage()
    const heap = getHeapStatistics()
    const { user, system } = process.cpuUsage()
    const { delays, utilization } = this.#readLoop(performance.now())
    for (const [quantile, seconds] of delays)
      writer.add('turnout_event_loop_delay_seconds', [this.#worker, quantile], seconds)
    writer.add('turnout_event_loop_utilization_ratio', own, utilization)
    for (const [kind, { values }] of this.#pauses)
      writer.addAll('turnout_gc_pause_seconds', [this.#worker, kind], values)
    writer.add('turnout_cpu_seconds_total', own, (user + system) / 1e6)
    writer.add('turnout_heap_used_bytes', own, heap.used_heap_size)
    writer.add('turnout_heap_limit_bytes', own, heap.heap_size_limit)
    writer.add('turnout_external_memory_bytes', own, memory.external)
    writer.add('turnout_resident_memory_bytes', own, memory.rss)
    writer.add('turnout_start_time_seconds', own, performance.timeOrigin / 1_000)
    writer.add('turnout_log_lines_dropped_total', own, droppedLines())
    const open = await countOpenFiles()
    if (open !== null) writer.add('turnout_open_files', own, open)
    const most = mostOpenFiles()
    if (Number.isFinite(most)) writer.add('turnout_open_files_limit', own, most)
  }

  close(): void {
    this.#isClosed = true
    this.#collections?.disconnect()
    this.#delays?.disable()
  }

  #watch(): void {
    if (this.#delays !== null || this.#isClosed) return
    this.#delays = monitorEventLoopDelay({ resolution })
    this.#delays.enable()
    this.#collections = new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as Collection[])
        this.#paused(kinds[entry.detail.kind] ?? 'other', entry.duration / 1_000)
    })
    this.#collections.observe({ entryTypes: ['gc'] })
  }

  #paused(kind: string, seconds: number): void {
    let pauses = this.#pauses.get(kind)
    if (pauses === undefined) this.#pauses.set(kind, (pauses = new Histogram(pauseBuckets)))
    pauses.record(seconds)
  }

  #readLoop(now: number): Loop {
    if (this.#loop !== null && now < this.#loop.until) return this.#loop
    const before = this.#utilization
    this.#utilization = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(this.#utilization, before)
    const delays = this.#delays
    // What it measures is from look to look.
    const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - resolution) / 1e3
    const isKnown = delays !== null && delays.count > 0
    const loop = {
      delays: isKnown
        ? ([
            ['0.5', late(delays.percentile(50))],
            ['0.99', late(delays.percentile(99))],
            ['1', late(delays.max)],
          ] as const)
        : [],
      utilization: Number.isFinite(utilization) ? utilization : 0,
      until: now + windowMs,
    }
    delays?.reset()
    this.#loop = loop
    return loop
  }
}
