import { test } from 'node:test'
import { serveHitless } from './support/hitless.ts'

test('100,000 exchanges of every kind over 100 applies on 2 workers: none fails, each is of one revision', async (t) => {
  t.diagnostic(await serveHitless(t, { workers: 2, requests: 100_000, applies: 100 }))
})
