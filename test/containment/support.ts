import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { createAdminClient } from '../../src/admin/client.ts'
import { ask, makeFolder, type Asked, type ServedEvent } from '../hot/support/served.ts'
import { dataFolder, startInstance, type Instance } from '../road/support/instance.ts'
import { others, type Harm } from './modules.ts'

export const isOffence = ({ event }: ServedEvent): boolean => event === 'offence'

export interface Load {
  /** Statuses, and how often each came. */
  readonly statuses: ReadonlyMap<number, number>
  /** Resolves when so many more were answered. */
  readonly more: (count: number) => Promise<void>
  readonly stop: () => Promise<void>
}

/** Asks for another module's route all the time, one request after the other. */
export function startLoad(t: TestContext, { port }: Instance): Load {
  const statuses = new Map<number, number>()
  const run = { isOver: false, answered: 0 }
  const loop = async (): Promise<void> => {
    while (!run.isOver) {
      const { status } = await ask(port, '/others')
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      run.answered += 1
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  const ended = loop()
  ended.catch(() => undefined)
  const stop = (): Promise<void> => {
    run.isOver = true
    return ended
  }
  t.after(() => stop().catch(() => undefined))
  return {
    statuses,
    stop,
    more: async (count) => {
      const until = run.answered + count
      while (run.answered < until)
        await Promise.race([
          new Promise((resolve) => setTimeout(resolve, 5)),
          ended.then(() => Promise.reject(new Error('the load ended'))),
        ])
    },
  }
}

export async function openFolder(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  words: readonly string[] = [],
): Promise<{ readonly instance: Instance; readonly folder: string }> {
  const folder = makeFolder(t, files)
  const data = dataFolder(t, folder)
  const instance = await startInstance(t, folder, { data, words: ['--workers', '1', ...words] })
  return { instance, folder }
}

export async function startHarm(
  t: TestContext,
  code: string,
  lane: 'fast' | 'safe' = 'fast',
): Promise<Instance> {
  const files = { 'others.js': others, 'harm.js': code }
  const { instance } = await openFolder(t, files, ['--lane', lane])
  return instance
}

const codeOf = ({ text }: Asked): string => (JSON.parse(text) as { code: string }).code

/** The offender is named everywhere, the process is the same one, and everybody else is served. */
export async function demandContained(
  instance: Instance,
  load: Load,
  { status, kind }: Harm,
): Promise<void> {
  const told = instance.next(isOffence)
  const client = createAdminClient({ url: instance.admin, token: instance.token })
  const ending = new AbortController()
  // Connecting takes its time: what happens meanwhile comes after this event.
  const lastEventId = await newestEvent(instance)
  const heard = firstOffence(client.follow({ lastEventId, signal: ending.signal }))
  const answer = await ask(instance.port, '/harm')
  assert.equal(answer.status, status)
  if (status === 504) assert.equal(codeOf(answer), 'TURNOUT_HANDLER_STUCK')
  const event = await told
  assert.deepEqual([event['module'], event['version'], event['kind']], ['harm', '1.1.0', kind])
  assert.deepEqual({ event: 'offence', ...(await heard) }, event)
  ending.abort()

  const { body } = await instance.send('GET', '/api/modules/harm')
  const [tally] = body.live.offences
  const counted = instance.events
    .filter((one) => isOffence(one) && one['kind'] === kind && one['module'] === 'harm')
    .reduce((sum, one) => sum + Number(one['count']), 0)
  assert.deepEqual(
    [tally.version, tally.digest, tally.counts[kind]],
    ['1.1.0', event['digest'], counted],
  )
  assert.equal(tally.last.kind, kind)
  await load.more(5)
  await load.stop()
  assert.deepEqual([...load.statuses.keys()], [200])
  assert.equal((await ask(instance.port, '/harm/ok')).status, 200)
  const { body: instanceNow } = await instance.send('GET', '/api/status')
  assert.equal(instanceNow.pid, instance.pid)
  assert.equal(await instance.stop(), 0)
  const line = `"module":"harm","module_version":"1.1.0","kind":"${kind}"`
  assert.ok(instance.log().includes(line), instance.log())
}

/** Id of the last event so far: who follows is told it at once. */
async function newestEvent({ admin, token }: Instance): Promise<string> {
  const { body } = await fetch(`${admin}/api/events`, {
    headers: { authorization: `Bearer ${token}` },
  })
  let text = ''
  for await (const bytes of body ?? []) {
    text += Buffer.from(bytes).toString()
    const id = /^id: (.+)$/m.exec(text)?.[1]
    if (id !== undefined && text.includes('\n\n')) return id
  }
  throw new Error(`no id: ${text}`)
}

// oxlint-disable-next-line typescript/no-explicit-any -- its shape is what the tests assert
async function firstOffence(events: AsyncIterable<any>): Promise<object> {
  for await (const { name, data } of events) if (name === 'offence') return data as object
  throw new Error('the events ended')
}
