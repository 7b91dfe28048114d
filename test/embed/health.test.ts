import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTurnout } from '../../src/index.ts'

test('an embedded instance answers probes, 503 from the moment on that it closes, and ends with its sockets', async () => {
  const turnout = createTurnout({ logger: false })
  const first = await turnout.health({ port: 0 })
  const second = await turnout.health({ port: 0 })
  const statusOf = async (url: string): Promise<number> => (await fetch(`${url}/readyz`)).status
  assert.deepEqual([await statusOf(first.url), await statusOf(second.url)], [200, 200])
  const closed = turnout.close(1_000, { delayMs: 300 })
  assert.equal(await statusOf(first.url), 503)
  assert.equal((await fetch(`${first.url}/healthz`)).status, 200)
  await closed
  for (const { url } of [first, second]) await assert.rejects(fetch(url))
  await assert.rejects(turnout.health({ port: 0 }), { code: 'TURNOUT_CLOSED' })
})
