import { sameJson } from '../../core/same-json.ts'
import { compareAnswers, type Answer } from '../../core/rollout/compare.ts'
import { VerifyTally, type VerifyCounts } from '../../core/rollout/verify-tally.ts'
import type { Exchange } from '../exchange.ts'
import type { Copier } from '../observe/observe.ts'
import type { Switch } from '../snapshot.ts'
import { copyRequest, type CopiedRequest } from './copied-request.ts'
import type { VerifyPair, VerifyRequest, VerifySettings } from './request.ts'
import { runCopy, type Copy } from './run-copy.ts'

/** Exchanges that are copied at once; what is more is not copied. */
const most = 64
/** How long one answer to a copy may take. */
const deadlineMs = 10_000
/** A copy whose turn comes later than that is dropped: the process has enough to do with what is meant. */
const busyMs = 50
/** Largest body of a request that is copied. */
const maxBodyBytes = 256 * 1024
/** Errors of handlers that are told of one verification. */
const mostTold = 10

const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** A verification that is on. */
interface Running {
  readonly settings: VerifySettings
  pairs: readonly VerifyPair[]
  readonly tally: VerifyTally
  readonly copies: Set<Copy>
  compared: number
  told: number
  isOver: boolean
}

interface Wanted {
  readonly running: Running
  readonly pair: VerifyPair
}

/** Told of the first errors that handlers throw at copies. */
export type OnCopyError = (error: unknown, exchange: Exchange) => void

/** What a request's body is, when all of it has come; null: it is not to be had. */
type TakeBody = () => Uint8Array | null

/**
 * Copies exchanges of stable routes after they were answered, and compares what both versions answer to the copies:
 *
 *     client ── request ──> stable ──> client
 *                  └── copy ──> stable, canary, stable again ──> tally
 *
 * One after the other, and the canary between the two: what only time changes and is the same in both runs of the stable
 * version is the same in the canary's. Nothing of a copy reaches the client, or counts anywhere.
 */
export class Verifier implements Copier {
  /** By the id of the stable route; null: nothing is verified. */
  routes: ReadonlyMap<string, Wanted> | null
  readonly #live: Switch
  readonly #onError: OnCopyError
  readonly #random: () => number
  readonly #running: Map<string, Running>
  /** Of exchanges that are to be copied and have a body. */
  readonly #bodies: WeakMap<Exchange, TakeBody>
  #underWay: number

  constructor(live: Switch, onError: OnCopyError, random: () => number = Math.random) {
    this.routes = null
    this.#live = live
    this.#onError = onError
    this.#random = random
    this.#running = new Map()
    this.#bodies = new WeakMap()
    this.#underWay = 0
  }

  /** Begins a verification, or gives it other pairs, or ends it. */
  set(id: string, request: VerifyRequest | null): void {
    const before = this.#running.get(id)
    const isSame =
      request !== null && before !== undefined && sameJson(before.settings, request.settings)
    if (isSame) before.pairs = request.pairs
    else {
      if (before !== undefined) this.#end(id, before)
      if (request !== null) this.#running.set(id, begun(request))
    }
    this.#index()
  }

  counts(id: string): VerifyCounts | null {
    return this.#running.get(id)?.tally.counts() ?? null
  }

  close(): void {
    for (const [id, running] of this.#running) this.#end(id, running)
    this.#index()
  }

  began(exchange: Exchange): void {
    const { transport } = exchange
    if (transport.upgrade !== null || transport.bodyLength() === 0) return
    const wanted = this.#wanted(exchange)
    if (wanted === null) return
    const length = transport.bodyLength() ?? 0
    this.#bodies.set(exchange, length > maxBodyBytes ? none : transport.copyBody(maxBodyBytes))
  }

  ended(exchange: Exchange): void {
    const { transport, route } = exchange
    if (route === null || transport.upgrade !== null || isUnfit(exchange)) return
    const body = this.#bodies.get(exchange)
    // Whether one with a body is copied was decided before it was read.
    const wanted =
      transport.bodyLength() === 0
        ? this.#wanted(exchange)
        : body === undefined
          ? null
          : (this.routes?.get(route.id) ?? null)
    if (wanted === null) return
    this.#underWay += 1
    const request = copyRequest(transport)
    const { path } = exchange
    const endedAt = performance.now()
    setImmediate(() => {
      const isDropped = wanted.running.isOver || performance.now() - endedAt > busyMs
      // A handler may answer before the body is here.
      const bytes = body === undefined ? noBytes : body()
      const done = isDropped ? Promise.resolve() : this.#compare(wanted, path, request, bytes)
      void done.finally(() => (this.#underWay -= 1))
    })
  }

  /** Whether this one is to be copied, where there are routes at all. */
  #wanted({ route, method }: Exchange): Wanted | null {
    const wanted = route === null ? undefined : this.routes?.get(route.id)
    if (wanted === undefined || this.#underWay >= most) return null
    const { settings, compared } = wanted.running
    if (compared >= settings.samples || !(settings.allMethods || safe.has(method))) return null
    return this.#random() * 100 < settings.percent ? wanted : null
  }

  async #compare(
    { running, pair }: Wanted,
    path: string,
    seen: Omit<CopiedRequest, 'body'>,
    body: Uint8Array | null,
  ): Promise<void> {
    if (body === null) return running.tally.addFailed()
    const request: CopiedRequest = { ...seen, body }
    const answers: Answer[] = []
    for (const routeId of [pair.stable, pair.canary, pair.stable]) {
      const answer = await this.#answer(running, routeId, path, request)
      if (running.isOver || answer === 'gone') return
      if (answer === null) return running.tally.addFailed()
      answers.push(answer)
    }
    const [stable, canary, again] = answers as [Answer, Answer, Answer]
    running.compared += 1
    running.tally.add(
      `${request.method} ${request.target}`,
      compareAnswers({ stable, again, canary }, running.settings),
    )
  }

  async #answer(
    running: Running,
    routeId: string,
    path: string,
    request: CopiedRequest,
  ): Promise<Answer | null | 'gone'> {
    const copy = runCopy(this.#live.current, routeId, path, request, (error, exchange) =>
      this.#tell(running, error, exchange),
    )
    if (copy === null) return 'gone'
    running.copies.add(copy)
    const deadline = setTimeout(() => copy.cut('it took too long'), deadlineMs)
    try {
      return await copy.answer
    } finally {
      clearTimeout(deadline)
      running.copies.delete(copy)
    }
  }

  #tell(running: Running, error: unknown, exchange: Exchange): void {
    running.told += 1
    if (running.told <= mostTold) this.#onError(error, exchange)
  }

  #end(id: string, running: Running): void {
    this.#running.delete(id)
    running.isOver = true
    for (const copy of running.copies) copy.cut('its verification is over')
  }

  #index(): void {
    const routes = new Map<string, Wanted>()
    for (const running of this.#running.values())
      for (const pair of running.pairs) routes.set(pair.stable, { running, pair })
    this.routes = routes.size === 0 ? null : routes
  }
}

const begun = ({ settings, pairs }: VerifyRequest): Running => ({
  settings,
  pairs,
  tally: new VerifyTally(),
  copies: new Set(),
  compared: 0,
  told: 0,
  isOver: false,
})

const noBytes = new Uint8Array(0)
const none: TakeBody = () => null

/** What was cut or left, and an answer without an end of its own. */
const isUnfit = ({ abortReason, failure, isEndless }: Exchange): boolean =>
  abortReason !== null || failure === 'TURNOUT_CLIENT_LEFT' || isEndless
