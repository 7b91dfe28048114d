import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, it } from 'node:test'
import { failpoints } from '../../src/core/failpoint.ts'
import type { Json } from '../../src/core/json.ts'
import { Author, listed, makeFolder, openAt } from './support/folder.ts'

afterEach(() => {
  failpoints.reach = null
})

const failAt = (wanted: string, times: number): (() => number) => {
  let failed = 0
  failpoints.reach = (name) => {
    if (name !== wanted || failed >= times) return
    failed += 1
    throw new Error(`EIO: i/o error at ${name}`)
  }
  return () => failed
}

describe('a write that fails', () => {
  for (const arrow of ['beforeWrite', 'partialWrite', 'afterWrite', 'afterSync'])
    for (const together of [1, 3])
      it(`at store.${arrow}, ${together} together: is told, never reappears, and the next one works`, async () => {
        const directory = makeFolder()
        const { store } = await openAt(directory)
        const author = await Author.open(store)
        await author.put({ a: 1 })
        failAt(`store.${arrow}`, 2)
        const records: number[] = []
        store.watch(0, ({ cursor }) => records.push(cursor))
        for (let attempt = 0; attempt < 2; attempt += 1) {
          const results = await Promise.allSettled(
            Array.from({ length: together }, () => author.put({ a: 'never', b: 'never' })),
          )
          for (const result of results) {
            assert.equal(result.status, 'rejected')
            assert.equal((result.reason as { code: string }).code, 'TURNOUT_STORE_FAILED')
          }
          assert.deepEqual(listed((await store.read())!.objects), [['a', 1]])
          Object.assign(author, await Author.open(store))
        }
        await author.put({ a: 2 })
        const state = (await store.read())!
        assert.deepEqual([state.number, listed(state.objects)], [2, [['a', 2]]])
        assert.deepEqual(records, [1, 2])
        await store.close()

        const again = await openAt(directory)
        assert.deepEqual([again.recovery, again.warnings], [null, []])
        const reopened = (await again.store.read())!
        assert.deepEqual([reopened.number, listed(reopened.objects)], [2, [['a', 2]]])
        assert.deepEqual(listed((await again.store.read(1))!.objects), [['a', 1]])
        await again.store.close()
      })

  for (const arrow of ['beforeWrite', 'afterWrite', 'afterSync', 'afterRename'])
    it(`at checkpoint.${arrow}: is told, and publishes go on`, async () => {
      const directory = makeFolder()
      const { store, warnings, idle } = await openAt(directory, { checkpointBytes: 2000 })
      const author = await Author.open(store)
      const failed = failAt(`checkpoint.${arrow}`, 2)
      for (let at = 0; at < 60; at += 1) {
        await author.put({ [`key${at % 3}`]: 'x'.repeat(100) })
        await idle()
      }
      assert.equal(failed(), 2)
      assert.deepEqual(
        warnings.map(({ code }) => code),
        ['TURNOUT_STORE_FAILED', 'TURNOUT_STORE_FAILED'],
      )
      const folder = join(directory, 'revisions')
      assert.ok(readdirSync(folder).some((name) => name.startsWith('checkpoint-')))
      await store.close()
      const again = await openAt(directory)
      await again.verified
      assert.deepEqual([again.recovery, again.warnings], [null, []])
      assert.equal((await again.store.read())!.number, 60)
      await again.store.close()
    })

  it('a checkpoint that hangs holds up no publish, no read, no watcher', async () => {
    const { store, idle } = await openAt(makeFolder(), { checkpointBytes: 1000 })
    const author = await Author.open(store)
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let isHanging = false
    failpoints.reach = (name) => {
      if (name !== 'checkpoint.afterWrite') return undefined
      isHanging = true
      return held
    }
    const told: number[] = []
    store.watch(0, ({ cursor }) => told.push(cursor))
    for (let at = 0; at < 100; at += 1) await author.put({ [`key${at % 3}`]: 'x'.repeat(100) })
    assert.ok(isHanging)
    assert.equal((await store.read(50))!.number, 50)
    assert.equal(told.length, 100)
    release()
    await idle()
    await store.close()
  })
})

it('any write may fail at any place, again and again: the store is what was acknowledged', async (t) => {
  const arrows = ['beforeWrite', 'afterWrite', 'afterSync', 'afterRename']
  const places = [
    ...['beforeWrite', 'partialWrite', 'afterWrite', 'afterSync'].map((arrow) => `store.${arrow}`),
    ...['segment', 'checkpoint'].flatMap((kind) => arrows.map((arrow) => `${kind}.${arrow}`)),
  ]
  const chance = (share: number): boolean => Math.random() < share
  const directory = makeFolder()
  let acknowledged: readonly [string, Json][] = []
  let number = 0
  let refused = 0
  for (let opening = 0; opening < 25; opening += 1) {
    failpoints.reach = null
    const { store, recovery, warnings, verified, idle } = await openAt(directory, {
      checkpointBytes: 1500,
      keep: { revisions: 30 },
    })
    await verified
    assert.deepEqual([recovery, warnings], [null, []], `opening ${opening}`)
    const share = Math.random() * 0.2
    failpoints.reach = (name) => {
      if (places.includes(name) && chance(share)) throw new Error(`EIO at ${name}`)
    }
    for (let at = 0; at < 30; at += 1) {
      const author = await Author.open(store)
      const state = (await store.read())!
      assert.deepEqual([state.number, listed(state.objects)], [number, acknowledged])
      const results = await Promise.allSettled(
        Array.from({ length: 1 + (at % 3) }, (_, index) =>
          author.put({ [`key${at % 7}`]: { opening, at, index }, text: 'x'.repeat(100) }),
        ),
      )
      const { status } = results[0]!
      assert.ok(results.every((result) => result.status === status))
      if (status === 'rejected') refused += 1
      else {
        number = author.number
        acknowledged = listed([...author.objects].map(([key, value]) => ({ key, value })))
      }
      if (chance(0.3)) await idle()
    }
    await idle()
    failpoints.reach = null
    await store.close()
  }
  assert.ok(refused > 10, 'too little failed')
  t.diagnostic(`${number} revisions, ${refused} writes refused, 25 openings`)
})

/** Mounts a file system of 2 MB; null: not allowed here. */
const mountSmall = (): string | null => {
  const directory = makeFolder()
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', directory])
  if (status !== 0) return null
  process.prependListener('exit', () => spawnSync('umount', ['-l', directory]))
  return directory
}

it('a disk that takes nothing at first is no damage', async () => {
  const directory = makeFolder()
  const { store } = await openAt(directory)
  const author = await Author.open(store)
  failAt('store.afterWrite', 3)
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await assert.rejects(author.put({ a: 1 }), { code: 'TURNOUT_STORE_FAILED' })
    author.number = 0
  }
  await author.put({ a: 1 })
  assert.equal((await store.read())!.number, 1)
  assert.deepEqual(listed((await store.read(0))!.objects), [])
  await store.close()
  const again = await openAt(directory)
  assert.deepEqual([again.recovery, again.warnings], [null, []])
  assert.deepEqual(listed((await again.store.read())!.objects), [['a', 1]])
  await again.store.close()
})

describe('a full disk', () => {
  it('refuses changes, keeps what was acknowledged, and goes on by itself when there is space', async (t) => {
    const disk = process.getuid?.() === 0 ? mountSmall() : null
    if (disk === null) {
      t.skip('1 case left out: mounting a small disk needs root')
      return
    }
    const directory = join(disk, 'data')
    const filler = join(disk, 'filler')
    const { store, idle } = await openAt(directory, { checkpointBytes: 20_000 })
    let author = await Author.open(store)
    let refused = 0
    const rounds = 4
    for (let round = 0; round < rounds; round += 1) {
      // Up to the last byte.
      for (let size = 4_000_000; size >= 1; size = Math.floor(size / 2))
        try {
          writeFileSync(filler, 'f'.repeat(size), { flag: 'a' })
        } catch {
          // Full for this size.
        }
      const putUntilFull = async (): Promise<boolean> => {
        for (let at = 0; at < 200; at += 1) {
          const before = author.number
          try {
            await author.put({ [`key${at % 5}`]: `${round}`.repeat(300) })
          } catch (error) {
            assert.match(String(error), /could not do it: ENOSPC/)
            assert.equal((await store.read())!.number, before)
            return true
          }
        }
        return false
      }
      assert.ok(await putUntilFull(), 'the disk never was full')
      refused += 1
      author = await Author.open(store)
      const expected = listed((await store.read())!.objects)
      await assert.rejects(author.put({ never: 'x'.repeat(3000) }), {
        code: 'TURNOUT_STORE_FAILED',
      })
      rmSync(filler)
      author = await Author.open(store)
      assert.deepEqual(listed((await store.read())!.objects), expected)
      await author.put({ round })
      await idle()
    }
    const expected = listed((await store.read())!.objects)
    const { number } = (await store.read())!
    await store.close()
    const again = await openAt(directory)
    await again.verified
    assert.deepEqual([again.recovery, again.warnings], [null, []])
    const state = (await again.store.read())!
    assert.deepEqual([state.number, listed(state.objects)], [number, expected])
    await again.store.close()
    t.diagnostic(`${rounds} times full, ${refused} changes refused, ${number} kept`)
  })
})
