import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordedMetas } from '../../src/control/meta.ts'
import { createMemoryStore } from '../../src/store/memory.ts'

test('a record that has only the names of upstreams is read as one that changed them', async () => {
  const store = createMemoryStore()
  const change = { owner: 'admin', module: null, from: null, to: null, upstreams: ['shop'] }
  const changes = [{ ...change, added: [], removed: [], changed: [] }]
  const revision = { number: 1, at: 1, author: 'a', reason: 'b', digest: '', changes }
  const meta = { kind: 'revision', revision, digests: [] }
  const published = store.publish({ number: 1, meta, put: [], remove: [] }, () => [])
  assert.ok(!(published instanceof Promise) && published.ok)
  const [read] = await recordedMetas(store)
  assert.ok(read?.kind === 'revision')
  const [first] = read.revision.changes
  assert.deepEqual(
    [first?.upstreams, first?.upstreamsAdded, first?.upstreamsRemoved],
    [['shop'], [], []],
  )
})
