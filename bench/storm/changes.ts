import { performance } from 'node:perf_hooks'
import { putRoute } from '../instance/put.ts'
import { pathAt } from '../instance/routes.ts'
import { Wire } from '../instance/wire.ts'

export interface StormPlan {
  readonly port: number
  readonly adminPort: number
  readonly tokens: readonly string[]
  readonly perSecond: number
  readonly durationMs: number
  /** Routes that are changed, in turn; one change of a route at a time. */
  readonly routes: number
}

export interface StormReport {
  readonly offered: number
  readonly accepted: number
  /** Answers that were no acceptance, by status and code. */
  readonly refused: ReadonlyMap<string, number>
  readonly withoutRetryAfter: number
  /** No connection was free for them: every one waited for its answer. */
  readonly notOffered: number
  /** Milliseconds from the sending of an accepted change to its answer. */
  readonly answerMs: readonly number[]
  /** From the sending to the end of the first request on the data port that was served by it. */
  readonly liveMs: readonly number[]
  /** Requests that started after the answer and were not served by the change. */
  readonly stale: number
  /** Connections that ended, answers that never came. */
  readonly broken: number
  readonly firstFault: string | null
}

/**
 * Open before the storm begins: Node takes one new connection in a turn of its loop (libuv since 1.45), so that a burst of
 * them waits for as many turns. Below what the admin API takes.
 */
const connections = 256

/** Offers changes at a steady rate whatever becomes of them, and asks the data port for each that was accepted. */
export async function runStorm(plan: StormPlan): Promise<StormReport> {
  const { port, adminPort, tokens, perSecond, durationMs, routes } = plan
  const refused = new Map<string, number>()
  const answerMs: number[] = []
  const liveMs: number[] = []
  const admins: Wire[] = []
  const readers: Wire[] = []
  const busy = new Set<number>()
  const counts = {
    offered: 0,
    accepted: 0,
    withoutRetryAfter: 0,
    notOffered: 0,
    stale: 0,
    broken: 0,
  }
  let firstFault: string | null = null
  let next = 0

  const isServed = async (at: number, content: string): Promise<boolean> => {
    let wire = readers.pop()
    // Those that a peak left over are ended by the server when they were idle for its time.
    while (wire?.isClosed === true) wire = readers.pop()
    wire ??= new Wire(port)
    const { status, body } = await wire.ask({ method: 'GET', path: pathAt(at) })
    readers.push(wire)
    return status === 200 && body === content
  }
  const follow = async (at: number, content: string, sentAt: number): Promise<void> => {
    while (!(await isServed(at, content))) {
      counts.stale += 1
      if (performance.now() - sentAt > 10_000) throw new Error(`${content} was never served`)
    }
    liveMs.push(performance.now() - sentAt)
  }
  const offer = async (wire: Wire, at: number, round: number): Promise<void> => {
    const content = `storm-${round}`
    const token = tokens[round % tokens.length]!
    const sentAt = performance.now()
    const { status, headers, body, isLast } = await wire.ask(putRoute(token, at, content))
    admins.push(isLast ? new Wire(adminPort) : wire)
    if (isLast) wire.close()
    if (status === 200) {
      counts.accepted += 1
      answerMs.push(performance.now() - sentAt)
      return await follow(at, content, sentAt)
    }
    const key = `${status} ${(JSON.parse(body) as { readonly code: string }).code}`
    refused.set(key, (refused.get(key) ?? 0) + 1)
    if (!headers.has('retry-after')) counts.withoutRetryAfter += 1
  }
  const start = (): void => {
    const round = counts.offered
    while (busy.has(next % routes)) next += 1
    const at = next % routes
    next += 1
    const wire = admins.pop()
    if (wire === undefined) {
      counts.notOffered += 1
      return
    }
    counts.offered += 1
    busy.add(at)
    const offered = offer(wire, at, round)
      .catch((error: unknown) => {
        counts.broken += 1
        firstFault ??= String(error)
        if (wire.isClosed) admins.push(new Wire(adminPort))
      })
      .then(() => busy.delete(at))
    running.add(offered)
    void offered.then(() => running.delete(offered))
  }
  const running = new Set<Promise<unknown>>()
  const opened = async (to: number): Promise<Wire> => {
    const wire = new Wire(to)
    await wire.ask({ method: 'GET', path: '/healthz' })
    return wire
  }
  while (admins.length < connections) admins.push(await opened(adminPort))
  while (readers.length < connections / 2) readers.push(await opened(port))
  const startedAt = performance.now()
  for (let now = startedAt; now - startedAt < durationMs; now = performance.now()) {
    const due = Math.floor(((now - startedAt) / 1_000) * perSecond)
    while (counts.offered + counts.notOffered < due) start()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await Promise.all(running)
  for (const wire of [...admins, ...readers]) wire.close()
  return { ...counts, firstFault, refused, answerMs, liveMs }
}
