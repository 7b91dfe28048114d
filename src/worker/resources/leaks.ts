import {
  addHolders,
  mostRetired,
  reasonOf,
  type Holder,
  type Leak,
  type RetiredFacts,
  type RetiredState,
} from '../../core/leak.ts'
import type { PendingTimer } from '../../modules/own-timers.ts'
import { refillStacks } from '../../modules/own-timers.ts'
import { scriptOfFrame } from '../../modules/frame.ts'
import { authorLine } from '../../modules/source-map.ts'
import { Trace, type Disposed, type Whose } from '../../modules/trace.ts'
import type { Collections } from './collections.ts'
import { placesOf } from './function-script.ts'
import { Handles, handleText } from './handles.ts'
import { newGlobals, rootsOf } from './roots.ts'
import { search } from './search.ts'

export interface LeaksOptions {
  /** How long after its dispose it is looked for what still holds a version. */
  readonly graceMs: number
  /** Major collections after which a version that is still there counts as leaked. */
  readonly collections: number
  /** The process serves and does nothing else. */
  readonly isOwnProcess: boolean
  readonly seen: Collections
  /** What modules are given. */
  readonly services: () => Readonly<Record<string, unknown>>
  /** Told once of each version. */
  readonly onLeak: (leak: Leak) => void
  /** A version that was told is gone after all. */
  readonly onReleased: (whose: Whose) => void
}

interface Entry extends Disposed {
  readonly trace: Trace
  /** Milliseconds since the epoch. */
  readonly disposedAt: number
  readonly collectionsAtDispose: number
  collectionsAtLook: number
  /** 0: there was no look yet. */
  looks: number
  nextLookAt: number
  state: RetiredState
  holders: readonly Holder[]
  reason: string | null
  collectedAt: number
  /** Collections up to then: of what is gone, those after it say nothing. */
  collectionsAtEnd: number | null
}

/** Most that are followed; of more the oldest are forgotten, those first that are collected. */
const mostEntries = 100
/** How long a version is shown once it was collected. */
const shownMs = 30_000
/** Each look after the first comes later than the one before. */
const nextLookMs = 30_000
const mostLookMs = 600_000
/** What was found garbage is told in a task of its own, a little later. */
const settledMs = 1_000
/** A search ends then, with what it has. */
const searchMs = 40

/**
 * Follows the module versions of a process from their dispose to their collection: what still holds them, where that was
 * taken, and whether they outlive collections. It looks only while there is one that is not collected. Nothing is collected
 * for its sake. Open/close.
 */
export class Leaks {
  readonly #options: LeaksOptions
  readonly #handles: Handles
  readonly #live: Set<Trace>
  #entries: Entry[]
  #serial: number

  constructor(options: LeaksOptions) {
    this.#options = options
    this.#handles = new Handles(
      options.isOwnProcess,
      () => this.#live.size + this.#entries.length > 0,
    )
    this.#live = new Set()
    this.#entries = []
    this.#serial = 0
  }

  /** Another one: `status` may show something new. */
  get serial(): string {
    return `${this.#serial} ${this.#entries.length === 0 ? 0 : this.#options.seen.count}`
  }

  /** For one load of a module. Ends with its `dispose`. */
  trace(): Trace {
    const trace = new Trace((of, disposed) => this.#disposed(of, disposed))
    this.#live.add(trace)
    return trace
  }

  #disposed(trace: Trace, disposed: Disposed): void {
    this.#live.delete(trace)
    // It never came so far that its code ran.
    if (trace.script === '') return
    this.#options.seen.want('leaks', true)
    const now = Date.now()
    const { count } = this.#options.seen
    this.#entries.push({
      ...disposed,
      trace,
      disposedAt: now,
      collectionsAtDispose: count,
      collectionsAtLook: count,
      looks: 0,
      nextLookAt: now + this.#options.graceMs,
      state: 'unknown',
      holders: [],
      reason: null,
      collectedAt: 0,
      collectionsAtEnd: null,
    })
    this.#serial += 1
    if (this.#entries.length <= mostEntries) return
    const collected = this.#entries.findIndex(({ state }) => state === 'collected')
    const [left] = this.#entries.splice(Math.max(0, collected), 1)
    // Nobody will look again.
    left?.trace.clearTimers()
  }

  /** Newest last. What was only tried is shown where it leaks. */
  status(): readonly RetiredFacts[] {
    const shown = this.#entries.filter(({ hasServed, state }) => hasServed || state === 'leaked')
    return shown.slice(-mostRetired).map((entry) => {
      const { module, version, digest, state, disposedAt, holders, reason } = entry
      const collections = this.#collectionsOf(entry)
      const at = new Date(disposedAt).toISOString()
      return { module, version, digest, state, disposedAt: at, collections, holders, reason }
    })
  }

  #collectionsOf({ collectionsAtEnd, collectionsAtDispose }: Entry): number {
    return (collectionsAtEnd ?? this.#options.seen.count) - collectionsAtDispose
  }

  /** Called about once a second. */
  tick(now: number = Date.now()): void {
    refillStacks()
    if (this.#entries.length === 0) return
    for (const entry of this.#entries) if (entry.trace.light.isFreed) this.#collected(entry, now)
    const before = this.#entries.length
    this.#entries = this.#entries.filter(
      ({ state, collectedAt }) => state !== 'collected' || now - collectedAt < shownMs,
    )
    if (this.#entries.length < before) this.#serial += 1
    const left = this.#entries.filter(({ state }) => state !== 'collected')
    this.#options.seen.want('leaks', left.length > 0)
    const due = left.filter((entry) => now >= entry.nextLookAt || this.#isOutliving(entry))
    if (due.length > 0) this.#look(due, now)
  }

  #collected(entry: Entry, now: number): void {
    if (entry.state === 'collected') return
    if (entry.state === 'leaked') this.#options.onReleased(entry)
    entry.state = 'collected'
    entry.collectedAt = now
    entry.collectionsAtEnd = this.#options.seen.count
    entry.holders = []
    entry.reason = null
    this.#serial += 1
  }

  /** It was given its time and its collections, and was not told yet. */
  #isOutliving({ state, looks, collectionsAtLook }: Entry): boolean {
    const { seen, collections } = this.#options
    if (state !== 'unknown' || looks === 0) return false
    return seen.count - collectionsAtLook >= collections && seen.sinceLastMs() >= settledMs
  }

  #look(entries: readonly Entry[], now: number): void {
    const outliving = entries.filter((entry) => this.#isOutliving(entry))
    const found = this.#holdersOf(entries)
    for (const entry of entries) {
      entry.looks += 1
      entry.nextLookAt = now + Math.min(mostLookMs, nextLookMs * 2 ** (entry.looks - 1))
      if (entry.looks === 1) entry.collectionsAtLook = this.#options.seen.count
      const holders = found.get(entry) ?? []
      // Timers were cleared as they were found, but who leaked them should read of it for as long as the version is there.
      const cleared = entry.holders.filter(({ kind }) => kind === 'timer')
      entry.holders = addHolders([...holders, ...cleared])
      if (entry.state === 'unknown' && (holders.length > 0 || outliving.includes(entry)))
        this.#tell(entry)
      else if (entry.state === 'leaked' && entry.holders.length > 0)
        entry.reason = reasonOf(entry.holders, this.#collectionsOf(entry))
    }
    this.#serial += 1
  }

  #tell(entry: Entry): void {
    const { module, version, digest, disposedAt, holders } = entry
    const collections = this.#collectionsOf(entry)
    const reason = reasonOf(holders, collections)
    entry.state = 'leaked'
    entry.reason = reason
    const at = new Date(disposedAt).toISOString()
    const leak = { module, version, digest, disposedAt: at, collections, holders, reason }
    this.#options.onLeak(leak)
  }

  #holdersOf(entries: readonly Entry[]): ReadonlyMap<Entry, Holder[]> {
    const holders = new Map<Entry, Holder[]>(entries.map((entry) => [entry, []]))
    const handles = this.#handlesOf(entries, holders)
    const timers = entries.flatMap((entry) =>
      entry.trace.clearTimers().map((timer) => ({ entry, timer })),
    )
    const packages = new Map(entries.flatMap(({ trace }) => [...trace.packages]))
    const roots = rootsOf(this.#options.services(), packages, handles)
    const mayBe = wanted(entries)
    const found = search(roots, mayBe, performance.now() + searchMs)
    // Versions may share the text of a function; only V8 knows whose it is.
    const codes = entries.map(({ trace }) => trace.code)
    const places = placesOf([
      ...codes,
      ...found.map(({ callback }) => callback),
      ...timers.map(({ timer }) => timer.callback),
    ])
    const own = new Map(
      entries.flatMap((entry, at) => {
        const place = places[at] ?? null
        return place === null ? [] : [[place.script, entry] as const]
      }),
    )
    found.forEach(({ kind, path }, at) => {
      const place = places[codes.length + at] ?? null
      const entry = place === null ? undefined : own.get(place.script)
      if (place === null || entry === undefined) return
      const frame = `${entry.trace.script}:${place.line}:${place.column}`
      holders.get(entry)!.push({ kind, what: path, at: authorLine(frame), since: null, count: 1 })
    })
    timers.forEach(({ entry, timer }, at) => {
      const place = places[codes.length + found.length + at] ?? null
      const standing =
        place === null || own.get(place.script) !== entry
          ? null
          : `${entry.trace.script}:${place.line}:${place.column}`
      holders.get(entry)!.push(timerHolder(timer, standing))
    })
    for (const entry of entries) holders.get(entry)!.push(...this.#globalsOf(entry, holders))
    return holders
  }

  /** Handles of which it is known where they were taken. */
  #handlesOf(
    entries: readonly Entry[],
    holders: ReadonlyMap<Entry, Holder[]>,
  ): ReadonlySet<object> {
    const open = this.#handles.open()
    for (const { handle, kind, frame, since } of open) {
      const script = scriptOfFrame(frame)
      const mayHave = ({ script: own, loadedAt }: Trace): boolean =>
        own === script && loadedAt <= since
      // The same code was loaded anew, and serves: it is that one's.
      if ([...this.#live].some(mayHave)) continue
      const entry = entries.findLast(({ trace }) => mayHave(trace))
      if (entry === undefined) continue
      const what = handleText({ handle, kind })
      const at = authorLine(frame)
      holders.get(entry)!.push({ kind, what, at, since: new Date(since).toISOString(), count: 1 })
    }
    return new Set(open.map(({ handle }) => handle))
  }

  /** Globals that hold no code, but that the text of a version assigns and that of no live one does. */
  #globalsOf(entry: Entry, holders: ReadonlyMap<Entry, Holder[]>): readonly Holder[] {
    const named = new Set([...holders.values()].flat().map(({ what }) => what))
    return newGlobals().flatMap((key) => {
      const what = `globalThis.${key}`
      const isNamed = [...named].some((one) => one === what || one.startsWith(`${what}.`))
      const at = isNamed ? -1 : assignmentOf(key, entry.trace.text)
      if (at < 0 || [...this.#live].some(({ text }) => assignmentOf(key, text) >= 0)) return []
      const line = authorLine(`${entry.trace.script}:${positionOf(entry.trace.text, at)}`)
      return [{ kind: 'global', what, at: line, since: null, count: 1 } as const]
    })
  }

  close(): void {
    this.#handles.close()
    for (const { trace } of this.#entries) trace.clearTimers()
    this.#entries = []
    this.#live.clear()
  }
}

const timerHolder = ({ what, frame, since }: PendingTimer, standing: string | null): Holder => ({
  kind: 'timer',
  what,
  at: authorLine(frame ?? standing ?? ''),
  since: since === null ? null : new Date(since).toISOString(),
  count: 1,
})

/** Whether the text of a function is in the script of one of them: cheap, and almost always no. */
function wanted(entries: readonly Entry[]): (callback: object) => boolean {
  const known = new Map<string, boolean>()
  return (callback) => {
    const text = Function.prototype.toString.call(callback)
    if (text.endsWith('{ [native code] }')) return false
    let is = known.get(text)
    if (is === undefined) {
      is = entries.some(({ trace }) => trace.text.includes(text))
      known.set(text, is)
    }
    return is
  }
}

const escape = (key: string): string => key.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)

/** Where a script assigns a global; -1: nowhere. */
function assignmentOf(key: string, text: string): number {
  if (!text.includes(key)) return -1
  const name = escape(key)
  return text.search(
    new RegExp(
      String.raw`\b(?:globalThis|global)(?:\.${name}|\[["']${name}["']\])\s*(?:[|&?]{2})?=(?!=)`,
    ),
  )
}

function positionOf(text: string, offset: number): string {
  const before = text.slice(0, offset)
  return `${before.split('\n').length}:${offset - before.lastIndexOf('\n')}`
}
