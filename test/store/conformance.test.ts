import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Json } from '../../src/core/json.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import type { Store, StoreRecord } from '../../src/store/store.ts'
import { Author, listed, makeFolder, openAt } from './support/folder.ts'

interface Kind {
  readonly name: string
  /** A store that keeps this many revisions. */
  readonly open: (revisions?: number) => Promise<Store>
}

const kinds: readonly Kind[] = [
  { name: 'memory', open: async (revisions = 1000) => createMemoryStore({ keep: { revisions } }) },
  {
    name: 'local',
    open: async (revisions = 1000) => {
      const opened = await openAt(makeFolder(), { keep: { revisions }, checkpointBytes: 2000 })
      return opened.store
    },
  },
]

const turns = async (until: () => boolean): Promise<void> => {
  for (let turn = 0; turn < 20_000 && !until(); turn += 1)
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  assert.ok(until(), 'what was waited for did not come')
}

/** Every record after a cursor, up to the newest one. */
const watched = async (
  store: Store,
  after: number,
  last: number,
): Promise<StoreRecord[] | null> => {
  const records: StoreRecord[] = []
  const stop = store.watch(after, (record) => records.push(record))
  if (stop === null) return null
  await turns(() => after === last || records.at(-1)?.cursor === last)
  stop()
  return records
}

for (const { name, open } of kinds)
  describe(`store: ${name}`, () => {
    it('begins with nothing', async () => {
      const store = await open()
      const state = (await store.read())!
      assert.deepEqual([state.number, state.cursor, listed(state.objects)], [0, 0, []])
      assert.equal(await store.read(1), null)
      await store.close()
    })

    it('publishes the number after the newest, and tells the newest to everybody else', async () => {
      const store = await open()
      const proposal = (number: number | null) => ({ number, meta: null, put: [], remove: [] })
      const publish = async (number: number | null) => store.publish(proposal(number), () => [])
      assert.deepEqual(await publish(2), { ok: false, number: 0 })
      assert.deepEqual(await publish(1), { ok: true, cursor: 1 })
      assert.deepEqual(await publish(1), { ok: false, number: 1 })
      assert.deepEqual(await publish(3), { ok: false, number: 1 })
      assert.deepEqual(await publish(null), { ok: true, cursor: 2 })
      assert.deepEqual(await publish(2), { ok: true, cursor: 3 })
      const state = (await store.read())!
      assert.deepEqual([state.number, state.cursor], [2, 3])
      await store.close()
    })

    it('adds up what 8 writers count together', async () => {
      const store = await open()
      const each = 50
      let lost = 0
      const writer = async (): Promise<void> => {
        for (let done = 0; done < each;) {
          const state = (await store.read())!
          const [entry] = listed(state.objects)
          const value = Number(entry?.[1] ?? 0) + 1
          const put = [{ key: 'count', value }]
          const result = await store.publish(
            { number: state.number + 1, meta: null, put, remove: [] },
            () => put,
          )
          if (result.ok) done += 1
          else lost += 1
        }
      }
      await Promise.all(Array.from({ length: 8 }, writer))
      const state = (await store.read())!
      assert.deepEqual(listed(state.objects), [['count', 8 * each]])
      assert.equal(state.number, 8 * each)
      assert.ok(name === 'memory' || lost > 0, 'the writers never met')
      await store.close()
    })

    it('hands over every record once, in order, from any cursor, then the new ones', async () => {
      const store = await open()
      const author = await Author.open(store)
      const last = 60
      for (let at = 1; at <= last; at += 1)
        if (at % 3 === 0) await author.note({ at })
        else await author.put({ [`key${at % 7}`]: 'x'.repeat(at) })
      const all = (await watched(store, 0, last))!
      assert.deepEqual(
        all.map(({ cursor }) => cursor),
        Array.from({ length: last }, (_, at) => at + 1),
      )
      assert.deepEqual(
        all.filter(({ number }) => number !== null).map(({ number }) => number),
        Array.from({ length: 40 }, (_, at) => at + 1),
      )
      for (let after = 0; after <= last; after += 1)
        assert.deepEqual(await watched(store, after, last), all.slice(after))

      const live: number[] = []
      const stop = store.watch(30, ({ cursor }) => live.push(cursor))!
      const gone: number[] = []
      store.watch(last, ({ cursor }) => gone.push(cursor))!()
      for (let at = 0; at < 20; at += 1) await author.put({ live: at })
      await turns(() => live.at(-1) === last + 20)
      assert.deepEqual(
        live,
        Array.from({ length: 50 }, (_, at) => at + 31),
      )
      stop()
      await author.put({ live: 'after' })
      assert.equal(live.length, 50)
      assert.deepEqual(gone, [])
      await store.close()
    })

    it('says that a cursor is unknown: older than what is kept, or of another store', async () => {
      const store = await open(20)
      const author = await Author.open(store)
      assert.equal(
        store.watch(1, () => undefined),
        null,
      )
      for (let at = 0; at < 300; at += 1) await author.put({ [`key${at % 5}`]: 'x'.repeat(100) })
      await turns(() => store.watch(0, () => undefined) === null)
      assert.equal(
        store.watch(301, () => undefined),
        null,
      )
      assert.equal((await watched(store, 281, 300))!.length, 19)
      assert.equal(await store.read(1), null)
      assert.equal((await store.read(281))?.number, 281)
      assert.equal((await store.read(300))?.number, 300)
      await store.close()
    })

    it('keeps a publisher and other watchers from a listener that throws', async () => {
      const store = await open()
      const author = await Author.open(store)
      const thrown: unknown[] = []
      const told: number[] = []
      const catcher = (error: unknown): void => void thrown.push(error)
      const others = process.listeners('uncaughtException')
      process.removeAllListeners('uncaughtException')
      process.on('uncaughtException', catcher)
      store.watch(0, () => {
        throw new Error('mine')
      })
      store.watch(0, ({ cursor }) => told.push(cursor))
      await author.put({ a: 1 })
      await turns(() => thrown.length > 0)
      process.off('uncaughtException', catcher)
      for (const other of others) process.on('uncaughtException', other)
      assert.deepEqual(told, [1])
      await store.close()
    })

    it('reads every kept revision as a naive twin does', async () => {
      const key = fc.constantFrom('a', 'b', 'c', 'd', '__proto__', 'route:users#GET /users')
      const change = fc.record({
        isNote: fc.boolean(),
        put: fc.dictionary(key, fc.jsonValue({ maxDepth: 2 }), { noNullPrototype: true }),
        remove: fc.array(key, { maxLength: 2 }),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(change, { maxLength: 40 }), async (changes) => {
          const store = await open()
          const author = await Author.open(store)
          const twin: [string, Json][][] = [[]]
          for (const { isNote, put, remove } of changes)
            if (isNote) await author.note('note')
            else {
              // JSON has one zero.
              const plain = JSON.parse(JSON.stringify(put)) as Record<string, Json>
              await author.put(plain, remove)
              twin.push(listed([...author.objects].map(([key, value]) => ({ key, value }))))
            }
          for (const [number, objects] of twin.entries()) {
            const state = (await store.read(number))!
            assert.deepEqual(listed(state.objects), objects)
            assert.equal(state.number, number)
          }
          assert.deepEqual(listed((await store.read())!.objects), twin.at(-1))
          assert.equal(await store.read(twin.length), null)
          await store.close()
        }),
        { numRuns: name === 'memory' ? 200 : 60 },
      )
      assert.equal(({} as { polluted?: unknown }).polluted, undefined)
    })
  })
