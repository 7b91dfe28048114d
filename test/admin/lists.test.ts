import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  emptyMap,
  entriesAfter,
  entriesFrom,
  setKey,
  type PersistentMap,
} from '../../src/core/persistent-map.ts'
import { open, type Answered, type Opened, target } from './support/open.ts'

const all = async ({ send }: Opened, path: string, limit: number): Promise<Answered[]> => {
  const items: unknown[] = []
  let after: string | null = null
  do {
    const cursor: string = after === null ? '' : `&after=${encodeURIComponent(after)}`
    const { status, body, text } = await send('GET', `${path}limit=${limit}${cursor}`)
    assert.equal(status, 200, text)
    assert.ok(body.items.length <= limit)
    items.push(...body.items)
    after = body.next
  } while (after !== null)
  return items
}

test('every route is on one page and on one only, whatever the size of a page', async (t) => {
  const opened = await open(t)
  const put = Array.from({ length: 23 }, (_, at) => ({
    id: `r${at} /é%#?`,
    path: `/r${at}`,
    target,
  }))
  const posted = await opened.send('POST', '/api/changes', { body: { routes: { put } } })
  assert.equal(posted.status, 200, posted.text)
  for (const limit of [1, 2, 7, 22, 23, 24, 1000]) {
    const ids = (await all(opened, '/api/routes?', limit)).map(({ id }) => id as string)
    assert.equal(ids.length, 23)
    assert.deepEqual([...ids].sort(), put.map(({ id }) => id).sort())
  }
})

test('a page goes on where the last one ended when routes come and go in between', async (t) => {
  const opened = await open(t)
  const { send } = opened
  const put = ['b', 'd', 'f', 'h'].map((id) => ({ id, path: `/${id}`, target }))
  await send('POST', '/api/changes', { body: { routes: { put } } })
  const first = await send('GET', '/api/routes?limit=2')
  assert.deepEqual(
    first.body.items.map(({ id }: { id: string }) => id),
    ['b', 'd'],
  )
  await send('DELETE', '/api/routes/d?force=true')
  for (const id of ['a', 'c', 'e'])
    await send('POST', '/api/routes', { body: { id, path: `/${id}`, target } })
  const second = await send('GET', `/api/routes?limit=9&after=${first.body.next}`)
  assert.deepEqual(
    second.body.items.map(({ id }: { id: string }) => id),
    ['e', 'f', 'h'],
  )
  assert.equal(second.body.next, null)
})

test('a list is of one owner where that is asked', async (t) => {
  const { send } = await open(t)
  await send('POST', '/api/routes', { body: { id: 'a', path: '/a', target } })
  assert.equal((await send('GET', '/api/routes?owner=admin')).body.items.length, 1)
  assert.equal((await send('GET', '/api/routes?owner=files:a')).body.items.length, 0)
  const owners = await send('GET', '/api/owners')
  assert.deepEqual(owners.body.items, [{ owner: 'admin', isDiverged: false }])
})

test('the history is paged without losing what was rejected', async (t) => {
  const opened = await open(t)
  for (let at = 0; at < 9; at += 1) {
    await opened.send('POST', '/api/routes', { body: { id: `r${at}`, path: `/r${at}`, target } })
    await opened.send('POST', '/api/routes', { body: { id: `x${at}`, path: `/r${at}`, target } })
  }
  const whole = await all(opened, '/api/revisions?', 1000)
  const numbers = (rows: readonly Answered[]) => rows.map(({ number }) => number as number | null)
  assert.equal(numbers(whole).filter((number) => number === null).length, 9)
  for (const limit of [1, 2, 5]) {
    assert.deepEqual(numbers(await all(opened, '/api/revisions?', limit)), numbers(whole))
  }
})

test('entries after a key are those that follow it in the whole list', () => {
  const key = fc.oneof(
    fc.constantFrom('', 'a', 'ab', 'abc', 'b', '%', '%0041', '\0', 'é', 'route-1', 'route-12'),
    fc.string({ maxLength: 4, unit: 'binary' }),
  )
  fc.assert(
    fc.property(fc.array(key, { maxLength: 40 }), key, (keys, after) => {
      let map: PersistentMap<string> = emptyMap
      for (const one of keys) map = setKey(map, one, one)
      const withKey = [...entriesFrom(setKey(map, after, after))].map(([one]) => one)
      const expected = withKey.slice(withKey.indexOf(after) + 1)
      assert.deepEqual(
        [...entriesAfter(map, after)].map(([one]) => one),
        expected,
      )
    }),
  )
})
