import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import type { TestContext } from 'node:test'
import type { WorkerStatus } from '../../src/turnout-serving.ts'
import { dataFolder, startInstance, type Instance } from '../road/support/instance.ts'
import type { ServeOptions } from '../hot/support/served.ts'
import { until } from '../worker/support.ts'

/** A `turnout serve` with worker processes. */
export interface Supervised extends Instance {
  /** As `GET /api/status` tells them. */
  readonly workers: () => Promise<readonly WorkerStatus[]>
  /** Waits until so many serve the revision that is published, and none of these is among them. */
  readonly whole: (count: number, gone?: readonly number[]) => Promise<readonly WorkerStatus[]>
  /** Processes of the instance that are there: the supervisor, its workers, whatever they started. */
  readonly family: () => readonly number[]
}

const mark = 'TURNOUT_TEST_FAMILY'
let families = 0

/** Processes whose environment says that they belong together. */
function familyOf(name: string): readonly number[] {
  const wanted = `${mark}=${name}\0`
  return readdirSync('/proc')
    .filter((one) => /^\d+$/.test(one))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(wanted)
      } catch {
        return false
      }
    })
    .map(Number)
}

/** A name that a family of processes is found by, and what is there of it. */
export function newFamily(): {
  readonly environment: Readonly<Record<string, string>>
  readonly find: () => readonly number[]
} {
  families += 1
  const name = `${process.pid}-${families}`
  return { environment: { [mark]: name }, find: () => familyOf(name) }
}

/** Starts it; the data folder is beside the folder of modules. */
export async function startSupervised(
  t: Pick<TestContext, 'after'>,
  folder: string,
  count: number,
  options: ServeOptions = {},
): Promise<Supervised> {
  const { environment, find } = newFamily()
  const instance = await startInstance(t, folder, {
    data: options.data ?? dataFolder(t, folder),
    ...options,
    words: ['--workers', String(count), ...(options.words ?? [])],
    environment: { ...environment, ...options.environment },
  })
  const status = async (): Promise<{
    readonly revision: number
    readonly workers: readonly WorkerStatus[]
  }> => (await instance.send('GET', '/api/status')).body
  return {
    ...instance,
    workers: async () => (await status()).workers,
    whole: async (wanted, gone = []) => {
      let last: readonly WorkerStatus[] = []
      await until(`they did not come back: ${JSON.stringify(last)}`, async () => {
        const { revision, workers } = await status()
        last = workers
        return (
          workers.length === wanted &&
          workers.every(
            (one) =>
              one.state === 'serving' && one.revision === revision && !gone.includes(one.pid),
          )
        )
      })
      return last
    },
    family: find,
  }
}

/** Kills a process, and nothing else. */
export const kill = (pid: number): void => void process.kill(pid, 'SIGKILL')

/** The route that says which revision answers. */
export async function publish(
  { send }: Instance,
  body: string,
  id: string = 'told',
): Promise<number> {
  const route = { id, methods: ['GET'], path: `/${id}`, target: { respond: { status: 200, body } } }
  const answer = await send('POST', '/api/changes?force=true', {
    body: { routes: { put: [route] } },
  })
  assert.equal(answer.status, 200, answer.text)
  return Number(answer.headers['turnout-revision'])
}
