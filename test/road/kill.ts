import assert from 'node:assert/strict'
import { cpSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { verifyAudit } from '../../src/admin/audit.ts'
import { digestOf } from '../../src/control/digest.ts'
import { tableOfObjects } from '../../src/core/route/objects.ts'
import { openLocalStore } from '../../src/store/local.ts'
import { createRandom } from '../core/route/mutate.ts'
import { makeFolder, save } from '../hot/support/served.ts'
import { moduleText } from './support/artifact.ts'
import {
  builtArtifacts,
  everyKind,
  makeChange,
  type Change,
  type ChangeKind,
  type Making,
} from './support/changes.ts'
import { dataFolder, startInstance, type Instance } from './support/instance.ts'
import { differences, nextState, readState, routeOf, type State } from './support/model.ts'

/** A failpoint, and what brings a process to it. */
export interface Place {
  readonly name: string
  readonly by: 'changes' | 'modules' | 'bulk' | 'tokens' | 'time' | 'start'
}

const arrows = (place: string, by: Place['by']): readonly Place[] =>
  ['beforeWrite', 'afterWrite', 'afterSync', 'afterRename'].map((arrow) => ({
    name: `${place}.${arrow}`,
    by,
  }))

const onTheRoad = [
  'admin.parsed',
  'audit.beforeIntent',
  'audit.intent',
  'prepare.before',
  'prepare.after',
  'publish.before',
  'store.beforeWrite',
  'store.partialWrite',
  'store.afterWrite',
  'store.afterSync',
  'apply.before',
  'apply.after',
  'admin.beforeAnswer',
] as const

/** Every step of a change, in the order of the road, and the files that are written beside it. */
export const places: readonly Place[] = [
  ...onTheRoad.map((name): Place => ({ name, by: 'changes' })),
  ...arrows('artifact', 'modules'),
  ...arrows('checkpoint', 'bulk'),
]
export const besidePlaces: readonly (readonly Place[])[] = [
  arrows('segment', 'bulk'),
  arrows('inventory', 'bulk'),
  arrows('admin.tokens', 'tokens'),
  arrows('audit.head', 'time'),
  arrows('instance', 'start'),
]
/** Reached at the first start only. */
export const firstStart: readonly Place[] = arrows('admin.token', 'start')

/** Names of the failpoints of the compiled sources; those of durable files without their arrow. */
export function namesInSources(): readonly string[] {
  const root = fileURLToPath(new URL('../../src', import.meta.url))
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.js') && !file.endsWith('durable-file.js'))
    .flatMap((file) => {
      const text = readFileSync(join(root, file), 'utf8')
      const plain = text.matchAll(/\bfailpoint\('([\w.]+)'\)/g)
      const durable = text.matchAll(/Durably\([\s\S]{1,1500}?'([\w.]+)',?\s*\)/g)
      return [...plain, ...durable].map(([, name]) => name!)
    })
  return [...new Set(names)].sort()
}

const ready = 'r0'

interface Seen {
  readonly routes: number
  kills: number
  /** An unacknowledged change was wholly there. */
  there: number
  /** Wholly not. */
  gone: number
  /** No change was under way. */
  idle: number
  readonly firstServedMs: number[]
  readonly at: Map<string, number>
}

/** Fills a data folder with routes and a module, once. */
async function prepared(t: TestContext, folder: string, routes: number): Promise<string> {
  save(folder, 'live.js', moduleText('live', 1))
  const data = dataFolder(t, `${folder}-prepared`)
  const instance = await startInstance(t, folder, { data })
  const put = Array.from({ length: routes }, (_, at) => routeOf(`r${at}`, 'first'))
  const { status, text } = await instance.send('POST', '/api/changes', {
    body: { routes: { put } },
  })
  assert.equal(status, 200, text)
  await instance.stop()
  return data
}

export interface KillOptions {
  readonly seed: number
  readonly routes: number
  readonly perCopy?: number
}

/**
 * Kills an instance at each of these places, each time going on with what the kill before left; after `perCopy` kills
 * with a fresh copy of the prepared folder. Returns what was seen.
 */
export async function killEach(
  t: TestContext,
  which: readonly Place[],
  { seed, routes, perCopy = 100 }: KillOptions,
): Promise<Seen> {
  const random = createRandom(seed)
  const below = (count: number): number => Math.floor(random() * count)
  const folder = makeFolder(t)
  const original = await prepared(t, folder, routes)
  const data = dataFolder(t, folder)
  const making: Making = {
    folder,
    base: Array.from({ length: routes - 1 }, (_, at) => `r${at + 1}`),
    below,
    artifacts: await builtArtifacts(),
    count: 1,
    known: new Map(),
  }
  const seen: Seen = {
    routes,
    kills: 0,
    there: 0,
    gone: 0,
    idle: 0,
    firstServedMs: [],
    at: new Map(),
  }
  let instance: Instance | null = null
  let state: State | null = null
  for (const [at, place] of which.entries()) {
    try {
      if (at % perCopy === 0) {
        if (instance !== null) {
          assert.equal(await instance.stop(), 0)
          await verifyStore(data, state!)
          rmSync(data, { recursive: true, force: true })
        }
        cpSync(original, data, { recursive: true })
        save(folder, 'live.js', moduleText('live', 1))
        making.known.clear()
        instance = await startInstance(t, folder, { data })
        state = await readState(instance)
        assert.equal(state.items.size, routes + 1)
        making.known.set(state.revision, state)
      }
      const next: Round = await killOnce({ t, data, place, making, seen }, instance!, state!)
      instance = next.instance
      state = next.state
      if (at % 50 === 49) console.log(`seed ${seed}: ${told(seen)}`)
    } catch (error) {
      throw new Error(`seed ${seed}, kill ${at} at ${place.name}`, { cause: error })
    }
  }
  assert.equal(await instance!.stop(), 0)
  await verifyStore(data, state!)
  return seen
}

interface Round {
  readonly instance: Instance
  readonly state: State
}

interface Rounds {
  readonly t: TestContext
  readonly data: string
  readonly place: Place
  readonly making: Making
  readonly seen: Seen
}

/** One kill: changes until it is dead, a start, and the two states that may be there. */
async function killOnce(
  { t, data, place, making, seen }: Rounds,
  instance: Instance,
  first: State,
): Promise<Round> {
  const { below, folder, known } = making
  const digests = new Map([[first.revision, await digestAt(instance)]])
  let state = first
  let pending: Change | null = null
  const acknowledged: string[] = []
  const tokens: string[] = []
  let pendingToken: string | null = null
  const life = { isOver: false }
  void instance.ended.then(() => (life.isOver = true))

  if (place.by === 'start') {
    process.kill(instance.pid, 'SIGKILL')
    await instance.ended
    const failpoint = `${place.name}@1=kill`
    await assert.rejects(startInstance(t, folder, { data, failpoint }), /SIGKILL/)
  } else {
    // Some are reached by several parts of one change.
    await instance.arm(`${place.name}@${place.by === 'changes' ? 1 + below(3) : 1}=kill`)
    for (let tries = 0; !life.isOver; tries += 1) {
      assert.ok(tries < 60, 'it was never reached')
      if (place.by === 'tokens') {
        pendingToken = `token-${(making.count += 1)}`
        const body = { name: pendingToken, scopes: ['read'] }
        const made = await instance.send('POST', '/api/tokens', { body }).catch(() => null)
        if (made === null) break
        assert.equal(made.status, 201, made.text)
        tokens.push(pendingToken)
        pendingToken = null
        continue
      }
      const change = makeChange(kindFor(place, below), state, making)
      pending = change
      const answer = await change.send(instance).catch(() => undefined)
      if (answer === undefined) break
      const after = nextState(state, change.wishes)
      if (answer !== null) {
        assert.ok(answer.status < 300, `${place.name}: ${answer.status} ${answer.text}`)
        assert.equal(Number(answer.headers['turnout-revision']), after.revision)
        if (after !== state) acknowledged.push(String(answer.headers['turnout-request-id']))
      }
      state = after
      known.set(state.revision, state)
      pending = null
      if (place.by === 'time') break
    }
  }
  assert.equal(await instance.ended, 'SIGKILL')

  const again = await startInstance(t, folder, { data, firstPath: `/${ready}` })
  seen.firstServedMs.push(await again.firstServedMs!)
  const found = await readState(again)
  const before = state
  const after = pending === null ? before : nextState(before, pending.wishes)
  const isThere = after !== before && found.revision === after.revision
  // A saved file is proposed by the start if the kill came before.
  const wanted = isThere || pending?.isSource === true ? after : before
  assert.deepEqual(differences(found, wanted), [], `acknowledged: ${before.revision}`)
  if (pending === null) seen.idle += 1
  else seen[isThere ? 'there' : 'gone'] += 1
  seen.kills += 1
  seen.at.set(place.name, (seen.at.get(place.name) ?? 0) + 1)
  if (digests.has(found.revision)) assert.equal(await digestAt(again), digests.get(found.revision))
  await verifyServed(again, found, pending, below)
  await verifyHistory(again, found.revision)
  await verifyLog(data, acknowledged)
  const listed = (await again.send('GET', '/api/tokens')).body.items as { name: string }[]
  for (const name of tokens)
    assert.ok(
      listed.some((one) => one.name === name),
      `${name} is gone`,
    )
  known.set(found.revision, found)
  for (const number of known.keys()) if (known.size > 20) known.delete(number)
  return { instance: again, state: found }
}

function kindFor({ by, name }: Place, below: (count: number) => number): ChangeKind {
  if (by === 'bulk') return 'bulk'
  // A saved file is no request, and the audit log says nothing of it.
  if (by === 'time') return 'put'
  const kinds: readonly ChangeKind[] = by === 'modules' ? ['upload', 'save'] : everyKind
  const kind = kinds[below(kinds.length)]!
  // What is there already is not written again: a file's artifact is always a new one.
  return name.startsWith('artifact') ? 'save' : kind
}

const digestAt = async ({ send }: Instance): Promise<string> =>
  (await send('GET', '/api/status')).body.digest

/** What the data port answers is what the table says. */
async function verifyServed(
  { ask }: Instance,
  { items }: State,
  pending: Change | null,
  below: (count: number) => number,
): Promise<void> {
  const keys = [...items.keys()]
  const touched = (pending?.wishes ?? []).slice(0, 10).map(([key]) => key)
  const some = Array.from({ length: 5 }, () => keys[below(keys.length)]!)
  for (const key of new Set([...touched, ...some, 'module:live'])) {
    const [kind = '', id = ''] = key.split(/:(.*)/)
    const { status, text } = await ask(`/${id}`)
    const kept = items.get(key)
    const [body] = kept?.content.split('|') ?? []
    const wanted =
      kept === undefined ? null : kind === 'module' ? `${id} ${body!.split('.')[0]}` : body
    assert.deepEqual([status, status === 404 ? null : text], [wanted === null ? 404 : 200, wanted])
  }
}

/** Numbers without a gap, each with its author and reason. */
async function verifyHistory({ send }: Instance, newest: number): Promise<void> {
  const { items } = (await send('GET', '/api/revisions?limit=50')).body
  const rows = (items as { number: number | null; author: string; reason: string }[]).filter(
    ({ number }) => number !== null,
  )
  for (const [at, { number, author, reason }] of rows.entries()) {
    assert.equal(number, newest - at)
    if (number !== null && number > 0)
      assert.ok(author !== '' && reason !== '', `revision ${number}`)
  }
}

/** The audit log is whole, and says of no acknowledged change that nothing came of it. */
async function verifyLog(data: string, acknowledged: readonly string[]): Promise<void> {
  assert.equal((await verifyAudit(data)).fault, null)
  const lines = readFileSync(join(data, 'audit.ndjson'), 'utf8').trimEnd().split('\n')
  for (const line of lines.slice(-300)) {
    const { kind, id } = JSON.parse(line) as { kind: string; id?: string }
    assert.ok(kind !== 'aborted' || !acknowledged.includes(id!), `${id} was acknowledged`)
  }
}

/** The stored objects come to the digest that was recorded. */
async function verifyStore(data: string, { revision, items }: State): Promise<void> {
  const warnings: string[] = []
  const { store, recovery, verified } = await openLocalStore({
    directory: data,
    onWarning: ({ message }) => warnings.push(message),
  })
  try {
    assert.equal(recovery, null)
    const stored = (await store.read())!
    assert.equal(stored.number, revision)
    const table = tableOfObjects(stored.objects)
    const recorded = JSON.parse(
      readFileSync(join(data, 'audit.ndjson'), 'utf8').trimEnd().split('\n').at(-1)!,
    ) as { digest: string; revision: number }
    if (recorded.revision === revision) assert.equal(digestOf(table), recorded.digest)
    assert.equal(
      [...items.keys()].filter((key) => key.startsWith('route:')).length + table.modules.size,
      table.routes.size,
    )
    await verified
    assert.deepEqual(warnings, [])
  } finally {
    await store.close()
  }
}

/** A line for people. */
export function told({ routes, kills, there, gone, idle, firstServedMs, at }: Seen): string {
  const sorted = [...firstServedMs].sort((left, right) => left - right)
  const ms = (share: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!)
  const slow = sorted.filter((one) => one > 2_000).length
  return `${kills} kills at ${at.size} places: 0 acknowledged lost, 0 third states; the unacknowledged change was ${there} times wholly there, ${gone} times wholly not, ${idle} times there was none; first 200 after the start with ${routes} routes: ${ms(0)} ms least, ${ms(0.5)} median, ${ms(0.99)} p99, ${ms(1)} most, ${slow} over 2 s`
}

/** A limit for the median: on a machine that others keep busy, single starts say nothing. All figures are told. */
export function demandServing({ firstServedMs }: Seen): void {
  const sorted = [...firstServedMs].sort((left, right) => left - right)
  assert.ok(sorted[sorted.length >> 1]! < 10_000, firstServedMs.join())
}
