import { Agent, get } from 'node:http'
import type { TestContext } from 'node:test'

export interface TrafficOptions {
  readonly path?: string
  /** That ask at once, each as soon as it was answered. */
  readonly clients?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** Clients that ask all the time, each request for another of 5,000 users. */
export interface Traffic {
  /** By `STATUS VERSION`: the version is that of the answer's header `x-version`. */
  readonly answers: ReadonlyMap<string, number>
  /** All answers of a status so far, or all. */
  readonly count: (status?: number) => number
  /** Resolves when there were so many more answers. */
  readonly more: (count: number) => Promise<void>
  /** Answers in a second, lately. */
  readonly perSecond: () => number
  readonly stop: () => Promise<void>
}

const users = 5_000

export function startTraffic(
  t: Pick<TestContext, 'after'>,
  port: number,
  { path = '/users', clients = 8, headers = {} }: TrafficOptions = {},
): Traffic {
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  const answers = new Map<string, number>()
  const times: number[] = []
  const end = { isNear: false }
  let asked = 0
  let all = 0
  const listeners = new Set<() => void>()
  const one = (): Promise<void> =>
    new Promise((resolve) => {
      asked += 1
      const own = { ...headers, 'x-user': String(asked % users) }
      const count = (key: string): void => {
        all += 1
        answers.set(key, (answers.get(key) ?? 0) + 1)
        times.push(performance.now())
        if (times.length > 500) times.shift()
        for (const listener of listeners) listener()
        resolve()
      }
      get({ host: '127.0.0.1', port, path, headers: own, agent }, (response) => {
        response.resume()
        response.on('end', () => count(`${response.statusCode} ${response.headers['x-version']}`))
        response.on('error', (error) => (end.isNear ? resolve() : count(`error ${error.message}`)))
      }).on('error', (error) => (end.isNear ? resolve() : count(`error ${error.message}`)))
    })
  const run = async (): Promise<void> => {
    while (!end.isNear) await one()
  }
  const running = Promise.all(Array.from({ length: clients }, run))
  const stop = async (): Promise<void> => {
    end.isNear = true
    await running
    agent.destroy()
  }
  t.after(stop)
  return {
    answers,
    count: (status) =>
      [...answers].reduce(
        (sum, [key, count]) =>
          status === undefined || key.startsWith(`${status} `) ? sum + count : sum,
        0,
      ),
    more: (count) => {
      const until = all + count
      return new Promise((resolve) => {
        const look = (): void => {
          if (all < until) return
          listeners.delete(look)
          resolve()
        }
        listeners.add(look)
      })
    },
    perSecond: () => (times.length / (performance.now() - (times[0] ?? 0))) * 1_000,
    stop,
  }
}

/** Of 200 users those that meet a version. */
export async function usersOf(
  port: number,
  version: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly number[]> {
  const all = Array.from({ length: 200 }, (_, user) => user)
  const met = await Promise.all(
    all.map((user) => versionOf(port, '/users', { 'x-user': String(user), ...headers })),
  )
  return all.filter((user) => met[user]!.version === version)
}

/** Status and version of one answer. */
export function versionOf(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly version: string }> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      response.resume()
      response.on('error', reject)
      response.on('end', () =>
        resolve({
          status: response.statusCode!,
          version: String(response.headers['x-version']),
        }),
      )
    }).on('error', reject)
  })
}
