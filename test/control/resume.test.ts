import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { LoadOutcome } from '../../src/control/change.ts'
import type { Publisher } from '../../src/control/publisher.ts'
import { digestOf } from '../../src/control/digest.ts'
import { objectsOf } from '../../src/core/route/objects.ts'
import { openLocalStore } from '../../src/store/local.ts'
import { openTurnout } from '../../src/turnout.ts'
import { change, edit, openRoad, routeTo, upstreamOf } from './support/open.ts'

const folder = (t: TestContext): string => {
  const directory = mkdtempSync(join(tmpdir(), 'turnout-resume-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A publisher on the store of a folder, as a process would open it; `end` gives the folder back. */
const openOn = async (
  directory: string,
): Promise<{ readonly publisher: Publisher; readonly end: () => Promise<void> }> => {
  const { store } = await openLocalStore({ directory, onWarning: () => undefined })
  const { publisher } = openRoad({ store, keep: 1_000 })
  assert.deepEqual(await publisher.resume(), [])
  const end = async (): Promise<void> => {
    await publisher.close()
    await store.close()
  }
  return { publisher, end }
}

const plainRows = (publisher: Publisher): unknown => JSON.parse(JSON.stringify(publisher.history()))

test('the table, the history and its digests are the same after a restart', async (t) => {
  const directory = folder(t)
  const first = await openOn(directory)
  const { publisher } = first
  await change(publisher, [
    edit('admin', {
      putUpstreams: [upstreamOf('admin', 'users')],
      putRoutes: [routeTo('admin', 'a', '/a', { kind: 'upstream', upstream: 'users' })],
    }),
  ])
  await change(publisher, [edit('admin', { putRoutes: [routeTo('admin', 'b', '/b')] })])
  await change(publisher, [edit('admin', { putRoutes: [routeTo('admin', 'c', '/b')] })])
  await change(publisher, [edit('admin', { switches: [{ route: 'a', enabled: false }] })])
  const rows = plainRows(publisher)
  const objects = [...objectsOf(publisher.table)]
  await first.end()

  const second = await openOn(directory)
  assert.deepEqual(plainRows(second.publisher), rows)
  assert.deepEqual([...objectsOf(second.publisher.table)], objects)
  assert.equal(second.publisher.current.revision.digest, digestOf(second.publisher.table))
  const { revision } = await change(second.publisher, [
    edit('admin', { putRoutes: [routeTo('admin', 'd', '/d')] }),
  ])
  assert.equal(revision?.number, 4)
  await second.end()
})

test('revisions of before a restart can be compared and gone back to, and only what differs is touched', async (t) => {
  const directory = folder(t)
  const first = await openOn(directory)
  for (const path of ['/1', '/2', '/3'])
    await change(first.publisher, [edit('admin', { putRoutes: [routeTo('admin', path, path)] })])
  await first.end()
  const { publisher, end } = await openOn(directory)
  const { routes } = await publisher.diff(1, 3)
  assert.deepEqual(
    routes.added.map(({ id }) => id),
    ['/2', '/3'],
  )
  assert.deepEqual(routes.changed, [])
  const { revision } = await publisher.rollBack(1, { author: 'test', reason: 'back' })
  assert.equal(revision?.number, 4)
  assert.deepEqual(revision.changes[0]?.removed, ['/2', '/3'])
  assert.deepEqual(revision.changes[0]?.changed, [])
  assert.equal(revision.digest, (await publisher.entryOf(1)).revision.digest)
  await end()
})

test('a confirmation that is due while nobody runs is asked for at the next start', async (t) => {
  const directory = folder(t)
  const first = await openOn(directory)
  const put = (id: string) => [edit('admin', { putRoutes: [routeTo('admin', id, `/${id}`)] })]
  await change(first.publisher, put('late'), { confirmWithinMs: 100 })
  await change(first.publisher, put('kept'), { confirmWithinMs: 100 })
  await first.publisher.confirm(2, { author: 'test', reason: 'good' })
  await first.end()
  await delay(150)
  const { publisher, end } = await openOn(directory)
  for (let left = 200; left > 0 && publisher.current.revision.number < 3; left -= 1) await delay(10)
  assert.equal(publisher.current.revision.takesBack, 1)
  const ids = [...objectsOf(publisher.table)].map(({ key }) => key)
  assert.deepEqual(ids, ['route:kept'])
  await end()
})

test('what a store cannot take is not served, and its author is told', async () => {
  const { publisher, worker } = openRoad({
    store: {
      isVolatile: false,
      cursor: () => 0,
      read: () => Promise.resolve({ number: 0, cursor: 0, objects: [] }),
      publish: () => Promise.reject(new Error('no space')),
      watch: () => () => undefined,
      close: () => Promise.resolve(),
    },
  })
  await assert.rejects(
    change(publisher, [edit('admin', { putRoutes: [routeTo('admin', 'a', '/a')] })]),
    /no space/,
  )
  assert.equal(publisher.current.revision.number, 0)
  assert.equal(worker.live.current.revision, 0)
  assert.equal(publisher.table.routes.size, 0)
})

test('what was said after the newest revision is known after a restart, whatever file it stands in', async (t) => {
  const directory = folder(t)
  const { store, idle } = await openLocalStore({
    directory,
    onWarning: () => undefined,
    checkpointBytes: 1,
  })
  const { publisher } = openRoad({ store, keep: 1_000 })
  const late = edit('admin', { putRoutes: [routeTo('admin', 'a', '/a')] })
  await change(publisher, [late], { confirmWithinMs: 60_000 })
  const load = (): Promise<LoadOutcome> =>
    Promise.resolve({ ok: false, problems: [{ code: 'TURNOUT_MODULE_CRASHED', message: '' }] })
  for (let count = 0; count < 20; count += 1) {
    await change(publisher, [{ kind: 'module', owner: 'x', label: 'x', load }])
    await idle()
  }
  await publisher.confirm(1, { author: 'test', reason: 'good' })
  const rows = plainRows(publisher)
  await publisher.close()
  await store.close()
  const second = await openOn(directory)
  assert.deepEqual(plainRows(second.publisher), rows)
  await second.end()
})

test('what was refused before the first revision is known after a restart', async (t) => {
  const directory = folder(t)
  const first = await openOn(directory)
  const problems = [{ code: 'TURNOUT_MODULE_CRASHED', message: 'it exited' }] as const
  const load = (): Promise<LoadOutcome> => Promise.resolve({ ok: false, problems, digest: 'bad' })
  for (let count = 0; count < 3; count += 1)
    await change(first.publisher, [{ kind: 'module', owner: 'x', label: 'x', load }])
  await first.end()
  const { publisher, end } = await openOn(directory)
  assert.equal(publisher.isQuarantined('bad'), true)
  assert.equal(publisher.current.revision.number, 0)
  await end()
})

test('a module behind a prefix with a plus sign in it serves after a restart', async (t) => {
  const directory = folder(t)
  const file = join(directory, 'users.mjs')
  writeFileSync(
    file,
    `export default { register: (routes) => routes.get('/x', (c) => c.text('x')) }`,
  )
  const data = join(directory, 'data')
  const first = await openTurnout({ data, logger: false })
  await first.module(file, { prefix: '/c++' })
  await first.close(0)
  const second = await openTurnout({ data, logger: false })
  assert.deepEqual(second.resumed.rejections, [])
  assert.equal((await second.fetch(new Request('http://localhost/c++/x'))).status, 200)
  await second.close(0)
})

test('damage in the older history costs its rows, and neither the start nor what is served', async (t) => {
  const directory = folder(t)
  const { store, idle } = await openLocalStore({
    directory,
    onWarning: () => undefined,
    checkpointBytes: 1,
  })
  const { publisher } = openRoad({ store, keep: 1_000 })
  for (const path of ['/1', '/2', '/3', '/4']) {
    await change(publisher, [edit('admin', { putRoutes: [routeTo('admin', path, path)] })])
    await idle()
  }
  await publisher.close()
  await store.close()
  const revisions = join(directory, 'revisions')
  const names = readdirSync(revisions)
    .filter((name) => name.startsWith('journal'))
    .sort()
  assert.ok(names.length > 2, names.join())
  const oldest = join(revisions, names[0]!)
  const bytes = readFileSync(oldest)
  bytes[bytes.length >> 1]! ^= 1
  writeFileSync(oldest, bytes)
  const second = await openOn(directory)
  assert.equal(second.publisher.table.routes.size, 4)
  assert.equal(second.publisher.history()[0]?.number, 4)
  await second.end()
})
