import { test } from 'node:test'
import { serveHitless } from './support/hitless.ts'

test('1,000,000 exchanges of every kind over 1,000 applies on 2 workers: none fails, each is of one revision', async (t) => {
  t.diagnostic(await serveHitless(t, { workers: 2, requests: 1_000_000, applies: 1_000 }))
})
