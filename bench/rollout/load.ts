import { setTimeout as pause } from 'node:timers/promises'
import { Wire } from '../instance/wire.ts'

/** Clients that ask all the time, each request for another of 10,000 users. */
export interface Load {
  /** Answers so far. */
  readonly all: () => number
  /** When bad answers came, milliseconds since the epoch. */
  readonly badAt: readonly number[]
  /** Resolves with the answers per second of so long. */
  readonly rate: (ms: number) => Promise<number>
  readonly stop: () => Promise<void>
}

const users = 10_000

export function startLoad(port: number, connections: number): Load {
  const badAt: number[] = []
  let all = 0
  const end = { isNear: false }
  const run = async (): Promise<void> => {
    const wire = new Wire(port)
    while (!end.isNear) {
      const headers = { 'x-user': String(all % users) }
      const { status } = await wire.ask({ method: 'GET', path: '/users', headers })
      all += 1
      if (status !== 200) badAt.push(Date.now())
    }
    wire.close()
  }
  const running = Promise.all(Array.from({ length: connections }, run))
  running.catch(() => undefined)
  return {
    all: () => all,
    badAt,
    rate: async (ms) => {
      const [before, startedAt] = [all, Date.now()]
      await pause(ms)
      return ((all - before) / (Date.now() - startedAt)) * 1_000
    },
    stop: async () => {
      end.isNear = true
      await running
    },
  }
}
