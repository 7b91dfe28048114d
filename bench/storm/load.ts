// The load of the storm, in a process of its own. The parent says what comes next: a rate, then how long. Latencies are
// taken from when a request was due, so that a server that holds everything up is seen by all that it held up.
import { performance } from 'node:perf_hooks'
import { Wire } from '../instance/wire.ts'

export interface Phase {
  readonly port: number
  readonly paths: readonly string[]
  readonly connections: number
  /** Null: as many as are answered. */
  readonly perSecond: number | null
  readonly durationMs: number
}

export interface PhaseReport {
  readonly answered: number
  /** Every request without a whole 200. */
  readonly failed: number
  readonly firstFault: string | null
  readonly perSecond: number
  /** Milliseconds from when a request was due, and from when it was sent. */
  readonly sinceDue: readonly number[]
  readonly sinceSent: readonly number[]
}

const run = async (phase: Phase, idle: Wire[]): Promise<PhaseReport> => {
  const { port, paths, perSecond, durationMs } = phase
  while (idle.length < phase.connections) idle.push(new Wire(port))
  const sinceDue: number[] = []
  const sinceSent: number[] = []
  let failed = 0
  let firstFault: string | null = null
  let started = 0
  const fail = (what: string): void => {
    failed += 1
    firstFault ??= what
  }
  const ask = async (wire: Wire, dueAt: number): Promise<void> => {
    const path = paths[started % paths.length]!
    started += 1
    const sentAt = performance.now()
    let isLast = false
    try {
      const { status, headers } = await wire.ask({ method: 'GET', path })
      // A connection has only so many requests.
      isLast = headers.get('connection') === 'close'
      if (status === 200) {
        const now = performance.now()
        sinceDue.push(now - dueAt)
        sinceSent.push(now - sentAt)
      } else fail(`${path} ${status}`)
    } catch (error) {
      fail(`${path} ${String(error)}`)
    }
    if (isLast) wire.close()
    idle.push(isLast || wire.isClosed ? new Wire(port) : wire)
  }
  const running = new Set<Promise<void>>()
  const startedAt = performance.now()
  let now = startedAt
  for (; now - startedAt < durationMs; now = performance.now()) {
    const due =
      perSecond === null
        ? started + idle.length
        : Math.floor(((now - startedAt) / 1_000) * perSecond)
    for (let count = due - started; count > 0 && idle.length > 0; count -= 1) {
      const dueAt = perSecond === null ? now : startedAt + (started / perSecond) * 1_000
      const asked = ask(idle.shift()!, dueAt)
      running.add(asked)
      void asked.then(() => running.delete(asked))
    }
    await new Promise((resolve) => {
      if (perSecond === null) setImmediate(resolve)
      else setTimeout(resolve, 1)
    })
  }
  await Promise.all(running)
  const answered = sinceDue.length
  return {
    answered,
    failed,
    firstFault,
    perSecond: Math.round((answered / (now - startedAt)) * 1_000),
    sinceDue,
    sinceSent,
  }
}

const idle: Wire[] = []
process.on('message', (phase: Phase) => {
  void run(phase, idle).then((report) => process.send!(report))
})
process.on('disconnect', () => process.exit(0))
