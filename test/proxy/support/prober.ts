import { talk } from './client.ts'

/** What came of probes. */
export interface Probed {
  readonly count: number
  /** What went wrong, in words. */
  readonly failures: readonly string[]
  /** Milliseconds, in ascending order. */
  readonly times: readonly number[]
}

/** Longest that an answer may take, as slowhttptest has it: longer is not available. */
const patienceMs = 5_000

/** Asks by turns on new connections, one request every so many ms, until it is told to stop. */
export function startProber(
  port: number,
  requests: readonly string[],
  everyMs: number,
): { readonly stop: () => Promise<Probed> } {
  const failures: string[] = []
  const times: number[] = []
  const open = new Set<Promise<void>>()
  let count = 0
  const probe = async (): Promise<void> => {
    const bytes = requests[count % requests.length]!
    count += 1
    const startedAt = performance.now()
    const { answer, socket } = talk(port, bytes)
    const late = setTimeout(() => socket.destroy(), patienceMs)
    const { status, isWhole, body } = await answer()
    clearTimeout(late)
    socket.destroy()
    const tookMs = performance.now() - startedAt
    times.push(tookMs)
    if (status === 200 && isWhole) return
    const told = status === 200 ? 'cut' : body.slice(0, 120)
    failures.push(
      `${/^\S+ \S+/.exec(bytes)?.[0]}: ${status} ${told} after ${Math.round(tookMs)} ms`,
    )
  }
  const timer = setInterval(() => {
    const one = probe()
    open.add(one)
    void one.finally(() => open.delete(one))
  }, everyMs)
  return {
    stop: async () => {
      clearInterval(timer)
      await Promise.all(open)
      return { count, failures, times: times.toSorted((one, other) => one - other) }
    },
  }
}

/** The time within which that share of the probes had its answer. */
export const share = ({ times }: Probed, part: number): number =>
  Math.round(times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? Number.NaN)
