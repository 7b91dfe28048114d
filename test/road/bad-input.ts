import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createRandom, mutate } from '../core/route/mutate.ts'
import { resolves, routes, springs, upstreams } from '../core/route/mutation-run.ts'
import { isValidRoute } from '../core/route/valid-definition.ts'
import { makeFolder } from '../hot/support/served.ts'
import { moduleText } from './support/artifact.ts'
import { dataFolder, startInstance, type Answer, type Instance } from './support/instance.ts'
import {
  isAcceptedChange,
  isAcceptedRoute,
  isFields,
  isPlainJson,
  merged,
  servedOf,
  unreachable,
} from './support/judge.ts'

/** One mutated request. */
interface Input {
  readonly method: 'POST' | 'PUT' | 'PATCH'
  readonly target: string
  readonly text: string
  /** As the server reads it. */
  readonly value: unknown
  readonly isAccepted: boolean
  /** Routes that are there if it is accepted. */
  readonly routes: readonly unknown[]
}

interface Counts {
  accepted: number
  refused: number
  /** Accepted routes whose answers were compared with the oracle's. */
  served: number
  polls: number
  readonly codes: Record<string, number>
}

const patched = {
  id: 'patched',
  path: '/patched/:x',
  target: { respond: { status: 200, body: 'p' } },
}

/** What is there throughout, in places that no mutation gets to. */
const fixed: readonly object[] = [
  {
    path: '/fixed/text',
    target: { respond: { status: 200, headers: { 'x-a': 'b' }, body: 'text' } },
  },
  { path: '/fixed/:param/deep', target: { respond: { status: 203, body: 'param' } } },
  { path: '/fixed/rest/*rest', target: { respond: { status: 418, body: 'rest' } } },
  { path: '/fixed/moved', target: { redirect: { status: 308, location: '/fixed/text' } } },
  { path: '/fixed/far', target: { uri: 'http://127.0.0.1:9001' } },
  { path: '/fixed/users', target: { upstream: 'users' } },
]
const polled = [
  '/fixed/text',
  '/fixed/1/deep',
  '/fixed/rest/a/b',
  '/fixed/moved',
  '/fixed/far',
  '/fixed/users',
  '/module',
  '/fixed/nothing/at/all/here',
]

/** Sends so many mutated changes to a live instance. Throws with the first that is judged otherwise than by the oracle. */
export async function sendMutations(t: TestContext, seed: number, count: number): Promise<Counts> {
  const folder = makeFolder(t, { 'module.js': moduleText('module', 1) })
  // What is counted here are judgements: the rate of changes is another test's.
  const config = `${folder}.config.json`
  writeFileSync(config, JSON.stringify({ admin: { changesPerSecond: 100_000 } }))
  t.after(() => rmSync(config))
  const data = dataFolder(t, folder)
  const instance = await startInstance(t, folder, { data, words: ['--config', config] })
  const { send } = instance
  const put = [patched, ...fixed.map((route, at) => ({ id: `fixed-${at}`, ...route }))]
  const users = { name: 'users', endpoints: ['http://127.0.0.1:9001'] }
  const body = { routes: { put }, upstreams: { put: [users] } }
  const filled = await send('POST', '/api/changes', { body })
  assert.equal(filled.status, 200, filled.text)
  const tokens: string[] = []
  for (let at = 0; at < 40; at += 1) {
    const made = { name: `client-${at}`, scopes: ['read', 'write:admin'] }
    tokens.push((await send('POST', '/api/tokens', { body: made })).body.token)
  }

  const counts: Counts = { accepted: 0, refused: 0, served: 0, polls: 0, codes: {} }
  const polling = { isOver: false }
  // Before anything is sent: a `/*` of a mutation may serve what nothing else does.
  const before = await seenBefore(instance)
  const poller = poll(instance, before, counts, polling)
  const random = createRandom(seed)
  const waiting = new Set<Promise<void>>()
  let at = 0
  const judged = async (input: Input, number: number): Promise<void> => {
    try {
      await judge(instance, input, tokens[number % tokens.length]!, counts)
    } catch (error) {
      const shown = `${input.method} ${input.target} ${input.text.slice(0, 2_000)}`
      throw new Error(`seed ${seed}, input ${number}: ${shown}`, { cause: error })
    }
  }
  try {
    while (at < count) {
      const input = makeInput(random)
      at += 1
      // What is refused touches nothing, so many may be on their way; what is accepted has the table for itself.
      if (input.isAccepted) await Promise.all(waiting)
      const one = judged(input, at)
      if (input.isAccepted) {
        await one
        continue
      }
      const noted = one.finally(() => waiting.delete(noted))
      noted.catch(() => undefined)
      waiting.add(noted)
      if (waiting.size >= 24) await Promise.race(waiting)
    }
    await Promise.all(waiting)
  } finally {
    polling.isOver = true
  }
  await poller
  const left = (await send('GET', '/api/routes?owner=admin')).body.items as { id: string }[]
  assert.deepEqual(left.map(({ id }) => id).sort(), put.map(({ id }) => id).sort())
  assert.equal(await instance.stop(), 0)
  return counts
}

/** A copy as it goes over the wire; values that JSON has no word for are left out of it. */
const wire = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? String(one) : one)) ??
  'null'

function makeInput(random: () => number): Input {
  const pick = <Item>(items: readonly Item[]): Item =>
    items[Math.floor(random() * items.length)] as Item
  const route = (): object => pick(random() < 0.5 ? routes : springs)
  const kind = pick(['create', 'create', 'put', 'patch', 'change', 'members'] as const)
  const made = (
    method: Input['method'],
    target: string,
    given: unknown,
    isAccepted: (value: unknown) => boolean,
    routesOf: (value: unknown) => readonly unknown[],
  ): Input => {
    const text = wire(given)
    const value: unknown = JSON.parse(text)
    const isGood = isPlainJson(value) && isAccepted(value)
    return {
      method,
      target,
      text,
      value,
      isAccepted: isGood,
      routes: isGood ? routesOf(value) : [],
    }
  }
  switch (kind) {
    case 'create':
      return made('POST', '/api/routes', mutate(route(), random), isAcceptedRoute, (value) => [
        value,
      ])
    case 'put': {
      // The id stands in the path.
      const { id: _, ...rest } = route() as { readonly id?: unknown }
      const whole = (value: unknown): unknown => (isFields(value) ? { ...value, id: 'put' } : value)
      const isGood = (value: unknown): boolean =>
        isFields(value) && !('id' in value) && isAcceptedRoute(whole(value))
      let mutated = mutate(rest, random)
      if (isFields(mutated) && 'id' in mutated) mutated = rest
      return made('PUT', '/api/routes/put', mutated, isGood, (value) => [whole(value)])
    }
    case 'patch': {
      const { id: _, ...rest } = pick(routes) as { readonly id?: unknown }
      const keys = Object.keys(rest)
      const some = Object.fromEntries(
        Object.entries(rest).filter(([key]) => key === keys[0] || random() < 0.3),
      )
      const result = (value: unknown): unknown => merged(patched, value)
      const isGood = (value: unknown): boolean => isFields(value) && isAcceptedRoute(result(value))
      let mutated = mutate(some, random)
      if (isFields(mutated) && 'id' in mutated) mutated = some
      return made('PATCH', '/api/routes/patched?force=true', mutated, isGood, (value) => [
        result(value),
      ])
    }
    case 'change':
    case 'members': {
      const whole = kind === 'change'
      const one = whole ? route() : mutate(route(), random)
      const another = whole ? pick(upstreams) : mutate(pick(upstreams), random)
      const upstream =
        isFields(another) && another['name'] === 'users' ? { ...another, name: 'u' } : another
      const request = { routes: { put: [one] }, upstreams: { put: [upstream] }, reason: 'why' }
      const given = whole ? mutate(request, random) : request
      return made('POST', '/api/changes', given, isAcceptedChange, (value) => {
        const edits = isFields(value) ? value['routes'] : null
        return isFields(edits) && Array.isArray(edits['put']) ? edits['put'] : []
      })
    }
    default:
      return kind satisfies never
  }
}

async function judge(
  instance: Instance,
  { method, target, text, value, isAccepted, routes: expected }: Input,
  token: string,
  counts: Counts,
): Promise<void> {
  const { send } = instance
  const headers = method === 'PUT' ? { 'if-none-match': '*' } : {}
  const answer = await send(method, target, { body: text, token, headers })
  assert.ok(answer.status < 500, `${answer.status} ${answer.text}`)
  if (!isAccepted) {
    assert.ok(answer.status >= 400, `accepted: ${answer.text.slice(0, 1_000)}`)
    verifyRefusal(answer, value)
    counts.refused += 1
    const { code } = answer.body
    counts.codes[code] = (counts.codes[code] ?? 0) + 1
    return
  }
  assert.ok(answer.status < 300, `refused: ${answer.status} ${answer.text.slice(0, 2_000)}`)
  counts.accepted += 1
  for (const route of expected) {
    const wanted = servedOf(route)
    if (wanted === null) continue
    const given = await instance.ask(wanted.path)
    const told = `${JSON.stringify(wanted)}: ${given.status} ${given.text}`
    if (wanted.status === unreachable) assert.ok([502, 503, 504].includes(given.status), told)
    else assert.equal(given.status, wanted.status, told)
    const hasBody = ![204, 205, 304].includes(wanted.status)
    if (wanted.body !== null && hasBody) assert.equal(given.text, wanted.body)
    if (wanted.location !== null) assert.equal(given.headers['location'], wanted.location)
    counts.served += 1
  }
  await removeAll(send, expected, isFields(value) ? value['upstreams'] : undefined, token)
}

/** Reads each back, which must be valid again, and removes it, or makes it what it was. */
async function removeAll(
  send: Instance['send'],
  expected: readonly unknown[],
  edits: unknown,
  token: string,
): Promise<void> {
  for (const route of expected) {
    const { id } = route as { readonly id: string }
    const place = `/api/routes/${encodeURIComponent(id)}`
    const found = await send('GET', place, { token })
    assert.equal(found.status, 200, `${id}: ${found.text}`)
    const { owner: _, revision: __, ...rendered } = found.body
    assert.ok(isValidRoute(rendered), `it reads back as ${found.text}`)
    const isPatched = id === patched.id
    const gone = isPatched
      ? await send('PUT', `${place}?force=true`, { token, body: patched })
      : await send('DELETE', `${place}?force=true`, { token })
    assert.equal(gone.status, isPatched ? 200 : 204, gone.text)
  }
  const put = isFields(edits) && Array.isArray(edits['put']) ? edits['put'] : []
  for (const { name } of put as readonly { readonly name: string }[]) {
    const place = `/api/upstreams/${encodeURIComponent(name)}?force=true`
    assert.equal((await send('DELETE', place, { token })).status, 204)
  }
}

/** A refusal says what, where and why. */
function verifyRefusal({ status, headers, body, text }: Answer, value: unknown): void {
  assert.match(String(headers['content-type']), /^application\/problem\+json/)
  assert.equal(body.status, status, text)
  assert.match(body.code, /^TURNOUT_[A-Z_]+$/)
  assert.match(body.detail, /\S/)
  if (body.code === 'TURNOUT_JSON_INVALID') assert.match(body.detail, /\d+/)
  if (body.code !== 'TURNOUT_INPUT_INVALID') return
  assert.ok(body.problems.length > 0, text)
  for (const { code, pointer, detail } of body.problems) {
    assert.match(code, /^TURNOUT_[A-Z_]+$/)
    assert.ok(typeof pointer === 'string' && resolves(value, pointer), `${pointer}: ${detail}`)
    assert.match(detail, /\S.*: \S/)
  }
}

const wholeOf = ({ status, text, headers }: Answer): object => {
  // A connection ends after so many requests, whatever they were.
  const { date: _, connection: __, ...rest } = headers
  return { status, text, headers: rest }
}

async function seenBefore({ ask }: Instance): Promise<ReadonlyMap<string, object>> {
  const before = new Map<string, object>()
  for (const path of polled) before.set(path, wholeOf(await ask(path)))
  return before
}

/** What is served to others is the same bytes throughout. */
async function poll(
  { ask }: Instance,
  before: ReadonlyMap<string, object>,
  counts: Counts,
  polling: { readonly isOver: boolean },
): Promise<void> {
  while (!polling.isOver) {
    for (const path of polled) {
      const { status } = before.get(path) as { readonly status: number }
      const now = wholeOf(await ask(path))
      // A `/*` of a mutation may serve what nothing else does.
      if (status !== 404) assert.deepEqual(now, before.get(path), path)
      counts.polls += 1
    }
    await delay(2)
  }
}

export const seedOfRun = (): number => {
  const given = Number(process.env['TURNOUT_SEED'])
  return Number.isInteger(given) && given > 0 ? given : Math.floor(Math.random() * 2 ** 31)
}
