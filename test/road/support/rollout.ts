import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { RolloutItem } from '../../../src/admin/answers.ts'
import { runTurnout, type Ran } from '../../cli/instance-support.ts'
import { makeFolder } from '../../hot/support/served.ts'
import { dataFolder, startInstance, type Instance, type InstanceOptions } from './instance.ts'

/** A version of the module `users`, whose answers name it in `x-version`. */
export const version = (text: string, body = `c.json({ users: [7] })`): string => `let asked = 0
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
export default {
  version: '${text}',
  register(routes) {
    routes.get('/users', async (c) => {
      asked += 1
      c.setHeader('x-version', '${text}')
      return ${body}
    })
  },
}
`

/** Every other request. */
export const failsHalf = `asked % 2 === 0 ? c.status(500).text('failed') : c.json({ users: [7] })`

export const byUser = { key: { kind: 'header', name: 'x-user' } }

/** Analysis that needs little time. Times are those of a machine that others use too: nothing is judged by them. */
export const quickly: object = {
  conditions: ['errorRate <= stable + 1%'],
  minimumSamples: 20,
  window: '5s',
  interval: '1s',
}

/** A `turnout serve` in a process of its own, and a folder beside it to run commands in. */
export interface Road {
  readonly instance: Instance
  /** Of the modules. */
  readonly served: string
  /** Where commands run. */
  readonly beside: string
  /** Writes a file beside the served folder; its name for a command. */
  readonly write: (name: string, value: unknown) => string
  /** Runs `turnout WORDS` against it. */
  readonly turnout: (...words: readonly string[]) => Promise<Ran>
  /** Where a rollout stands. */
  readonly rollout: (id: string) => Promise<RolloutItem>
  /** Resolves with the rollout when it stands as is meant. */
  readonly until: (id: string, isMeant: (item: RolloutItem) => boolean) => Promise<RolloutItem>
  /** Author and reason of the revisions of its rollouts, oldest first. */
  readonly steps: () => Promise<readonly string[]>
}

export async function openRoad(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  options: Omit<InstanceOptions, 'data'> = {},
): Promise<Road> {
  const served = makeFolder(t, files)
  const instance = await startInstance(t, served, {
    data: dataFolder(t, served),
    words: ['--workers', '1'],
    ...options,
  })
  return roadOf(t, instance, served)
}

/** After a restart. */
export function roadOf(t: TestContext, instance: Instance, served: string): Road {
  const beside = makeFolder(t)
  const rollout: Road['rollout'] = async (id) => {
    const { body } = await instance.send('GET', `/api/rollouts/${encodeURIComponent(id)}`)
    return body as RolloutItem
  }
  return {
    instance,
    served,
    beside,
    write: (name, value) => {
      writeFileSync(join(beside, name), typeof value === 'string' ? value : JSON.stringify(value))
      return name
    },
    turnout: (...words) => runTurnout(beside, [...words, '--data', instance.data]),
    rollout,
    until: async (id, isMeant) => {
      for (;;) {
        const item = await rollout(id)
        if (isMeant(item)) return item
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    steps: async () => {
      const { body } = await instance.send('GET', '/api/revisions?limit=100')
      return (body.items as readonly { author: string; reason: string }[])
        .filter(({ author }) => author.startsWith('rollout:'))
        .map(({ reason }) => reason)
        .toReversed()
    },
  }
}
