import { monitorEventLoopDelay, performance, type IntervalHistogram } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import {
  resourceNames,
  ruleOf,
  type ResourceEvent,
  type ResourceName,
  type ResourceSettings,
} from '../../core/protect/resources.ts'
import { measured, untouched, type Threshold } from '../../core/protect/threshold.ts'
import type { Collections } from './collections.ts'
import { countOpenFiles, mostOpenFiles } from './file-limit.ts'

/** A loop that is less busy is measured by its timer alone: more would wake an idle process many times a second. */
const busy = 0.25
const resolution = 20
/** A busy loop whose turns are all shorter than this part of the longest pause was not paused for so long. */
const longTurn = 1 / 4
/** For so long pauses are watched behind a long turn: there is a rule about so many measurements. */
const watchedTicks = 60

/** What this process is short of. Measured about once a second; open until `close`. */
export class Pressure {
  readonly #settings: ResourceSettings
  readonly #seen: Collections
  readonly #onEvent: (event: ResourceEvent) => void
  readonly #states: Map<ResourceName, Threshold>
  readonly #mostFiles: number
  #histogram: IntervalHistogram | null
  #utilization: ReturnType<typeof performance.eventLoopUtilization>
  #openFiles: number | null
  #isCounting: boolean
  /** Measurements for which pauses are watched, however busy the loop is. */
  #watched: number

  constructor(
    settings: ResourceSettings,
    seen: Collections,
    onEvent: (event: ResourceEvent) => void,
  ) {
    this.#settings = settings
    this.#seen = seen
    this.#onEvent = onEvent
    this.#states = new Map()
    this.#mostFiles = settings.openFiles === 0 ? Infinity : mostOpenFiles()
    this.#histogram = null
    this.#utilization = performance.eventLoopUtilization()
    this.#openFiles = null
    this.#isCounting = false
    this.#watched = 0
    seen.want('pressure', settings.gcPauseMs > 0)
  }

  /** What is above its threshold. */
  get over(): readonly ResourceName[] {
    return resourceNames.filter((name) => this.#states.get(name)?.isOver === true)
  }

  /** `lateMs`: by how much the timer that calls this was late. */
  tick(lateMs: number): void {
    void this.#countFiles()
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
    this.#measure('heap', used / limit)
    this.#measure('gcPause', this.#seen.takePause())
    this.#measure('loopDelay', this.#loopDelay(lateMs))
    if (this.#openFiles !== null) this.#measure('openFiles', this.#openFiles / this.#mostFiles)
  }

  #measure(name: ResourceName, value: number): void {
    const rule = ruleOf(this.#settings, name)
    if (rule === null) return
    const before = this.#states.get(name) ?? untouched
    const after = measured(before, value, rule)
    this.#states.set(name, after)
    if (after.isOver === before.isOver) return
    this.#onEvent({
      resource: name,
      level: after.isOver ? 'over' : 'under',
      value: Math.round(value * 1000) / 1000,
      threshold: rule.threshold,
      worker: null,
    })
  }

  #loopDelay(lateMs: number): number {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, this.#utilization)
    this.#utilization = now
    const seen = this.#histogram
    const isKnown = seen !== null && seen.count > 0
    const longMs = isKnown ? seen.percentile(99) / 1e6 - resolution : 0
    this.#watchPauses(isKnown ? Math.max(lateMs, seen.max / 1e6 - resolution) : null)
    if (utilization < busy) {
      seen?.disable()
      this.#histogram = null
    } else if (seen === null) {
      this.#histogram = monitorEventLoopDelay({ resolution })
      this.#histogram.enable()
    } else seen.reset()
    return Math.max(lateMs, longMs)
  }

  /** `longestMs`: of the turns of the loop; null: nobody knows, for it was not busy. */
  #watchPauses(longestMs: number | null): void {
    const { gcPauseMs } = this.#settings
    if (gcPauseMs === 0) return
    const isLong = longestMs !== null && longestMs >= gcPauseMs * longTurn
    this.#watched = isLong ? watchedTicks : Math.max(0, this.#watched - 1)
    this.#seen.want('pressure', longestMs === null || this.#watched > 0)
  }

  /** In a thread of Node's own: the list of many files takes a while. The next tick has it. */
  async #countFiles(): Promise<void> {
    if (this.#isCounting || !Number.isFinite(this.#mostFiles)) return
    this.#isCounting = true
    this.#openFiles = await countOpenFiles()
    this.#isCounting = false
  }

  close(): void {
    this.#histogram?.disable()
  }
}
