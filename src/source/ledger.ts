import { dirname } from 'node:path'
import type { Problem } from '../core/errors.ts'
import type { FileState } from './fingerprint.ts'
import { isSameEntry, pathsOf, type ModuleEntry, type ModuleScan } from './scan.ts'

/** What changed since the burst before; module names are sorted. */
export interface Burst {
  /**
   * Every module now. One that has a problem (its name is taken twice, its index is gone) stays as it was last,
   * and so do all when the folder itself cannot be read.
   */
  readonly modules: readonly ModuleEntry[]
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
  /** Every problem of the folder now, not only the new ones. */
  readonly problems: readonly Problem[]
}

/** The content of an input when its module was last reported; undefined: not known, so it counts as changed. */
type Baseline = string | undefined

interface Known {
  entry: ModuleEntry
  inputs: Map<string, Baseline>
  /** Milliseconds since the epoch. */
  reportedAt: number
}

/** What was last seen at a path. */
export interface Sighting {
  readonly state: FileState
  readonly digest: string
  /** When this digest took the place of another; milliseconds since the epoch, 0 for the first one. */
  readonly firstSeenAt: number
  /** The file was written so shortly before it was read that a later write may have left the same times. */
  readonly isRacy: boolean
}

// File systems stamp with the kernel's tick, which lags the clock by up to 10 ms.
const tickMs = 20

/** Which module was last reported with which content of which inputs. Pure. */
export class Ledger {
  readonly #known = new Map<string, Known>()
  readonly #sightings = new Map<string, Sighting>()
  readonly #users = new Map<string, Set<string>>()
  /** Kept up to date, because walking 100,000 paths to find them would hold the loop for 25 ms at each scan. */
  readonly #folders = new Map<string, number>()
  readonly #links = new Set<string>()
  /** Modules whose inputs moved while the module itself had a problem. */
  readonly #waiting = new Set<string>()
  #problems = ''
  #hasReported = false

  get paths(): Iterable<string> {
    return this.#sightings.keys()
  }

  /** The folders of all paths. */
  get folders(): Iterable<string> {
    return this.#folders.keys()
  }

  /** The paths that are links. */
  get links(): Iterable<string> {
    return this.#links
  }

  sightingOf(path: string): Sighting | undefined {
    return this.#sightings.get(path)
  }

  record(path: string, state: FileState, digest: string, wallClock: number): void {
    const before = this.#sightings.get(path)
    if (before === undefined) {
      const folder = dirname(path)
      this.#folders.set(folder, (this.#folders.get(folder) ?? 0) + 1)
    }
    if (state.isLink) this.#links.add(path)
    else this.#links.delete(path)
    this.#sightings.set(path, {
      state,
      digest,
      firstSeenAt:
        before === undefined ? 0 : before.digest === digest ? before.firstSeenAt : wallClock,
      isRacy: state.kind === 'file' && Math.abs(wallClock - state.changedAt) < tickMs,
    })
  }

  hasOtherProblems(scan: ModuleScan): boolean {
    return this.#hasReported && this.#problems !== JSON.stringify(scan.problems)
  }

  /** Forgets a path that no module uses. */
  forgetUnused(path: string): void {
    if (!this.#users.has(path)) this.#forget(path)
  }

  /** Paths of the scan's modules that are not what was last reported: new ones, moved ones, gone ones. */
  movedEntries(scan: ModuleScan): string[] {
    if (scan.isMissing) return []
    const present = new Set<string>()
    const moved: string[] = []
    for (const entry of scan.modules) {
      present.add(entry.name)
      const known = this.#known.get(entry.name)
      if (known === undefined || !isSameEntry(known.entry, entry)) moved.push(...pathsOf(entry))
    }
    for (const [name, { entry }] of this.#known) {
      if (!present.has(name) && !scan.held.has(name)) moved.push(entry.path)
    }
    return moved
  }

  /** Whether the module was last reported before that time: a build of it may not have seen what came then. */
  wasReportedBefore(name: string, time: number): boolean {
    const known = this.#known.get(name)
    return known !== undefined && time >= known.reportedAt - tickMs
  }

  /** The inputs of a module that its record does not hold yet. */
  newInputs(name: string, paths: Iterable<string>): string[] {
    const known = this.#known.get(name)
    return known === undefined ? [] : [...paths].filter((path) => !known.inputs.has(path))
  }

  /**
   * Replaces the inputs of a module. Those it had keep their baseline; a new one gets its recorded content, or none
   * where `isDoubtful`: then the module counts as changed.
   */
  setInputs(name: string, paths: Iterable<string>, isDoubtful: (path: string) => boolean): void {
    const known = this.#known.get(name)
    if (known === undefined) return
    const inputs = new Map<string, Baseline>()
    for (const path of [...pathsOf(known.entry), ...paths]) {
      const isKept = known.inputs.has(path) && !isDoubtful(path)
      const baseline = isKept
        ? known.inputs.get(path)
        : isDoubtful(path)
          ? undefined
          : this.#sightings.get(path)?.digest
      inputs.set(path, baseline)
    }
    this.#replaceInputs(name, known, inputs)
  }

  /**
   * What to report, or undefined when nothing really changed. `touched` are the paths that something happened to;
   * a module of which an input is not at rest waits for the next burst.
   */
  propose(
    scan: ModuleScan,
    touched: Iterable<string>,
    isAtRest: (path: string) => boolean,
  ): Burst | undefined {
    const present = new Map(scan.modules.map((entry) => [entry.name, entry]))
    const candidates = new Set(this.#waiting)
    this.#waiting.clear()
    for (const path of touched) for (const name of this.#users.get(path) ?? []) candidates.add(name)
    const added: string[] = []
    const changed: string[] = []
    const removed: string[] = []
    const isSettled = (path: string): boolean => isAtRest(path) && this.#sightings.has(path)
    for (const entry of scan.modules) {
      const known = this.#known.get(entry.name)
      if (known === undefined) {
        if (pathsOf(entry).every(isSettled)) added.push(entry.name)
      } else if (!isSameEntry(known.entry, entry)) candidates.add(entry.name)
    }
    for (const name of candidates) {
      const known = this.#known.get(name)
      const entry = present.get(name)
      if (known === undefined) continue
      if (entry === undefined) this.#waiting.add(name)
      else if (this.#differs(known, entry, isAtRest)) changed.push(name)
    }
    if (!scan.isMissing) {
      for (const [name, { entry }] of this.#known) {
        if (!present.has(name) && !scan.held.has(name) && isAtRest(entry.path)) removed.push(name)
      }
    }
    const sameProblems = this.#problems === JSON.stringify(scan.problems)
    const changes = added.length + changed.length + removed.length
    if (this.#hasReported && changes === 0 && sameProblems) return undefined
    const modules = new Map([...this.#known].map(([name, { entry }]) => [name, entry]))
    for (const name of removed) modules.delete(name)
    for (const name of [...added, ...changed]) {
      const entry = present.get(name)
      if (entry !== undefined) modules.set(name, entry)
    }
    return {
      modules: [...modules.keys()].sort().flatMap((name) => modules.get(name) ?? []),
      added,
      changed: changed.sort(),
      removed: removed.sort(),
      problems: scan.problems,
    }
  }

  /** The burst is being reported: its content is the baseline from now on. */
  accept(burst: Burst, wallClock: number): void {
    this.#hasReported = true
    this.#problems = JSON.stringify(burst.problems)
    for (const name of burst.removed) {
      const known = this.#known.get(name)
      if (known === undefined) continue
      this.#replaceInputs(name, known, new Map())
      this.#known.delete(name)
    }
    const entries = new Map(burst.modules.map((entry) => [entry.name, entry]))
    for (const name of [...burst.added, ...burst.changed]) {
      const entry = entries.get(name)
      if (entry === undefined) continue
      const known = this.#known.get(name) ?? { entry, inputs: new Map(), reportedAt: wallClock }
      this.#known.set(name, known)
      known.entry = entry
      known.reportedAt = wallClock
      const inputs = new Map<string, Baseline>()
      for (const path of [...pathsOf(entry), ...known.inputs.keys()]) {
        inputs.set(path, this.#sightings.get(path)?.digest)
      }
      this.#replaceInputs(name, known, inputs)
    }
  }

  #differs(known: Known, entry: ModuleEntry, isAtRest: (path: string) => boolean): boolean {
    let differs = !isSameEntry(known.entry, entry)
    const isSettled = (path: string): boolean => isAtRest(path) && this.#sightings.has(path)
    if (!pathsOf(entry).every(isSettled)) return false
    for (const [path, baseline] of known.inputs) {
      if (!isAtRest(path)) return false
      differs ||= baseline === undefined || this.#sightings.get(path)?.digest !== baseline
    }
    return differs
  }

  #replaceInputs(name: string, known: Known, inputs: Map<string, Baseline>): void {
    for (const path of known.inputs.keys()) {
      if (inputs.has(path)) continue
      const users = this.#users.get(path)
      users?.delete(name)
      if (users?.size !== 0) continue
      this.#users.delete(path)
      this.#forget(path)
    }
    for (const path of inputs.keys()) {
      const users = this.#users.get(path)
      if (users === undefined) this.#users.set(path, new Set([name]))
      else users.add(name)
    }
    known.inputs = inputs
  }

  #forget(path: string): void {
    if (!this.#sightings.delete(path)) return
    this.#links.delete(path)
    const folder = dirname(path)
    const left = (this.#folders.get(folder) ?? 0) - 1
    if (left > 0) this.#folders.set(folder, left)
    else this.#folders.delete(folder)
  }
}
