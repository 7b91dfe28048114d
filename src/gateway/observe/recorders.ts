import { performance } from 'node:perf_hooks'
import { noFigures, type Figures } from '../../core/rollout/figures.ts'
import type { Json } from '../../core/json.ts'
import { Recorder } from '../../core/rollout/recorder.ts'
import type { Route } from '../../core/route/route.ts'
import { sameJson } from '../../core/same-json.ts'
import type { Kept } from '../kept.ts'
import type { Observed, ObservedRoute } from './observed.ts'

/** Routes whose exchanges are counted at once; what comes beyond it is counted together, until others have been idle. */
const mostRoutes = 1_000
/** How long is known what something came to that no longer serves. */
const keptMs = 10 * 60_000

/** Who has been idle for so long gives way where there are too many. */
const crowdedMs = 10_000

/** What is known of a route, through all revisions that leave its target and its filters alone. */
export interface Seen {
  /** Whose it is. */
  readonly of: Recorders
  readonly route: Route
  readonly recorder: Recorder
  /** When its newest exchange began. */
  lastAt: number
  isForgotten: boolean
}

/** What is known of a module's code. */
interface Code {
  readonly recorder: Recorder
  /** Versions of it that live. */
  lives: number
  leftAt: number
}

/**
 * The recorders of an instance: of each module version, and of each route without one. Those of what was replaced stay for
 * a while, for whoever compares. Times are those of the monotonic clock.
 *
 *     route object ──WeakMap──> seen <── by id, then by target and filters
 */
export class Recorders {
  readonly #most: number
  /** A route is one object for as long as a revision does not touch it. */
  readonly #known: WeakMap<Route, Seen>
  readonly #byId: Map<string, readonly Seen[]>
  readonly #codes: Map<string, Code>
  #count: number
  #sweptAt: number
  /** Of the routes for which there is no place: nobody reads it. */
  #crowd: Seen | null
  #crowdedUntil: number

  constructor(most: number = mostRoutes) {
    this.#most = most
    this.#known = new WeakMap()
    this.#byId = new Map()
    this.#codes = new Map()
    this.#count = 0
    this.#sweptAt = 0
    this.#crowd = null
    this.#crowdedUntil = 0
  }

  /** `kept`: where it is found again. */
  ofRoute(route: Route, now: number, kept: Kept | null = null): Recorder {
    let seen = kept?.seen ?? null
    if (seen === null || seen.of !== this || !this.#isStill(seen, now)) {
      seen = this.#find(route, now)
      if (kept !== null) kept.seen = seen
    }
    seen.lastAt = now
    return seen.recorder
  }

  /** Whether a route that was found so is still found so. */
  #isStill(seen: Seen, now: number): boolean {
    return !seen.isForgotten && (seen !== this.#crowd || now < this.#crowdedUntil)
  }

  #find(route: Route, now: number): Seen {
    const known = this.#known.get(route)
    if (known !== undefined && this.#isStill(known, now)) return known
    const seen =
      this.#seenAs(route) ?? (this.#isFull(now) ? this.#crowdOf(route) : this.#add(route, now))
    this.#known.set(route, seen)
    return seen
  }

  /** A version of this code begins to serve. */
  enter(module: string, digest: string, now: number): Recorder {
    this.#sweep(now)
    const key = codeKey(module, digest)
    let code = this.#codes.get(key)
    if (code === undefined) {
      code = { recorder: new Recorder(), lives: 0, leftAt: 0 }
      this.#codes.set(key, code)
    }
    code.lives += 1
    return code.recorder
  }

  /** Its last exchange has left. */
  leave(module: string, digest: string, now: number): void {
    const code = this.#codes.get(codeKey(module, digest))
    if (code === undefined) return
    code.lives -= 1
    code.leftAt = now
  }

  figures(of: Observed, now: number, spanMs: number): Figures {
    const recorder =
      of.kind === 'module'
        ? this.#codes.get(codeKey(of.module, of.digest))?.recorder
        : this.#seenAs(of.route)?.recorder
    return recorder?.figures(wallTime(now), spanMs) ?? noFigures
  }

  get routes(): number {
    return this.#count
  }

  #seenAs(route: ObservedRoute): Seen | undefined {
    return this.#byId.get(route.id)?.find((seen) => servesAlike(seen.route, route))
  }

  #add(route: Route, now: number): Seen {
    this.#sweep(now)
    const seen = { of: this, route, recorder: new Recorder(), lastAt: now, isForgotten: false }
    this.#byId.set(route.id, [...(this.#byId.get(route.id) ?? []), seen])
    this.#count += 1
    return seen
  }

  /** Forgets what has not served for long. What comes anew pays for it, so that no timer has to run. */
  #sweep(now: number): void {
    if (now - this.#sweptAt < keptMs / 10) return
    this.#sweptAt = now
    for (const seen of this.#all()) if (now - seen.lastAt > keptMs) this.#forget(seen)
    for (const [key, { lives, leftAt }] of this.#codes)
      if (lives === 0 && now - leftAt > keptMs) this.#codes.delete(key)
  }

  /** Whether there is no place, also after a look for idle ones, which is made each ten seconds at most. */
  #isFull(now: number): boolean {
    if (this.#count < this.#most) return false
    if (now < this.#crowdedUntil) return true
    this.#crowdedUntil = now + crowdedMs
    for (const seen of this.#all()) if (now - seen.lastAt > crowdedMs) this.#forget(seen)
    // Those that were counted together look for a place of their own again.
    if (this.#crowd !== null) this.#crowd.isForgotten = true
    this.#crowd = null
    return this.#count >= this.#most
  }

  #crowdOf(route: Route): Seen {
    this.#crowd ??= { of: this, route, recorder: new Recorder(), lastAt: 0, isForgotten: false }
    return this.#crowd
  }

  #all(): Seen[] {
    return [...this.#byId.values()].flat()
  }

  #forget(seen: Seen): void {
    const { id } = seen.route
    const left = (this.#byId.get(id) ?? []).filter((other) => other !== seen)
    if (left.length === 0) this.#byId.delete(id)
    else this.#byId.set(id, left)
    seen.isForgotten = true
    this.#count -= 1
  }
}

/** Instants of the monotonic clock as all processes of a machine write them. */
export const wallTime = (now: number): number => performance.timeOrigin + now

const codeKey = (module: string, digest: string): string => `${module}@${digest}`

/** Whether two routes of one id do the same with an exchange, whatever leads to them. */
function servesAlike(left: ObservedRoute, right: ObservedRoute): boolean {
  const [one, other] = [left.target, right.target]
  const sameTarget =
    one.kind === 'closure' || other.kind === 'closure'
      ? one.kind === 'closure' && other.kind === 'closure' && one.run === other.run
      : sameJson(one, other)
  const filters = [left.filters ?? [], right.filters ?? []] as unknown as readonly Json[]
  return sameTarget && sameJson(filters[0]!, filters[1]!)
}
