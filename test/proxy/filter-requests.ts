import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Filter } from '../../src/core/route/filter.ts'
import { samples } from '../gateway/filters/samples.ts'
import { openProxy, route, upstream } from './support/proxy.ts'
import { openRecording, type Seen } from './support/recording.ts'
import { marked, runTable } from './table/run.ts'

type Kind = Filter['kind']

/**
 * What these do to every request is no question of framing: they answer by themselves, run code of a module, refuse who
 * does not say who it is, or send another body. `filters-between.test.ts` has those of access and bodies.
 */
const left: readonly Kind[] = [
  'redirect',
  'module',
  'key-auth',
  'basic-auth',
  'jwt',
  'response-cache',
  'request-template',
]

/** Where that of the samples would refuse, or change what the table looks at. */
const others: Partial<Record<Kind, Filter>> = {
  'strip-prefix': { kind: 'strip-prefix', parts: 1 },
  'rewrite-path': { kind: 'rewrite-path', pattern: '^/front', replacement: '' },
  'set-path': { kind: 'set-path', template: '/{rest}' },
  'header-limit': { kind: 'header-limit', bytes: 1_000_000, errorHeader: null },
  'body-limit': { kind: 'body-limit', bytes: 1_000_000 },
  timeout: { kind: 'timeout', connectMs: 5_000, headersMs: 5_000, idleMs: 5_000, totalMs: 20_000 },
}

/** What was put in front of a path, or behind its query, is taken away again, so that the table knows its own. */
const undone = (seen: Seen): Seen => ({
  ...seen,
  target: seen.target.replace(/^\/front(?=\/)/, '').replace(/[?&]added=a$/, ''),
})

/** What a filter needs in front so that its target is asked for what the client asked for. */
const before: Partial<Record<Kind, Filter>> = {
  'strip-prefix': { kind: 'add-prefix', prefix: '/front' },
  'rewrite-path': { kind: 'add-prefix', prefix: '/front' },
}

export const filterKindsOfTable: readonly Kind[] = (Object.keys(samples) as Kind[]).filter(
  (kind) => !left.includes(kind),
)

/** Sends rows of the table through a filter: what is accepted is what the upstream sees, and nothing else. */
export async function runThrough(
  t: TestContext,
  kind: Kind,
  isTaken: (row: number, method: number) => boolean,
): Promise<void> {
  const seen: Seen[] = []
  const recording = await openRecording(t, {
    answer: (one) => {
      seen.push(undone(one))
      return marked('ok')
    },
  })
  const copies = await openRecording(t)
  const filter = others[kind] ?? samples[kind]
  const filters = before[kind] === undefined ? [filter] : [before[kind], filter]
  const proxy = await openProxy(
    t,
    [route('/*rest', recording.url, { filters })],
    [upstream('other', [copies.url])],
  )
  const told = await runTable(proxy.port, { seen }, false, { isTaken })
  assert.ok(told.forwarded > 0 && told.refused > 0, kind)
  assert.deepEqual(told.wrong.slice(0, 10), [], kind)
  assert.deepEqual([...recording.faults, ...copies.faults], [], kind)
  assert.deepEqual(proxy.errors, [], kind)
  await proxy.quiet()
}
