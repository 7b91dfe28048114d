import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { makeFolder, ask, startServe } from '../../hot/support/served.ts'
import { openBackEnd } from './gateway.ts'
import { noServer, openRedis } from './server.ts'

const skip = noServer ?? false

test(
  '`turnout serve` follows the key that its config names; what is silent is told of by its API',
  { skip },
  async (t) => {
    const redis = await openRedis(t)
    const backend = await openBackEnd(t, 'one')
    await redis.send(
      'SET',
      'rules',
      JSON.stringify({
        routes: [{ id: 'api', path: '/api', target: { uri: `http://${backend}` } }],
      }),
    )
    const folder = makeFolder(t, {
      'turnout.config.json': JSON.stringify({ sources: { redis: { key: 'rules', pollMs: 500 } } }),
      'home.js':
        "export default { register: (routes) => void routes.get('/', (c) => c.text('home')) }",
    })
    const environment = {
      TURNOUT_REDIS_URL: redis.url,
      TURNOUT_ADMIN_TOKEN: 'a-token-of-this-test-0123456789abcdef',
    }
    const served = await startServe(t, folder, { environment })
    assert.equal((await ask(served.port, '/')).text, 'home')
    assert.equal((await ask(served.port, '/api')).text, 'one')

    const headers = { authorization: `Bearer ${environment.TURNOUT_ADMIN_TOKEN}` }
    const status = async () =>
      (await (await fetch(`${served.admin}/api/status`, { headers })).json()) as {
        readonly isReady: boolean
        readonly diverged: readonly string[]
        readonly sources: readonly { readonly value: string; readonly url: string }[]
      }
    assert.equal((await status()).sources[0]?.value, 'good')
    assert.deepEqual((await status()).diverged, [])
    await redis.send('DEL', 'rules')
    for (let left = 300; left > 0 && (await status()).sources[0]?.value !== 'deleted'; left -= 1)
      await delay(20)
    assert.equal((await status()).sources[0]?.value, 'deleted')
    assert.equal((await status()).isReady, true)
    assert.equal((await ask(served.port, '/api')).text, 'one')
    assert.equal(await served.stop(), 0)
  },
)

test(
  '`turnout serve` without its server starts, serves its folder, and is not ready',
  { skip },
  async (t) => {
    const folder = makeFolder(t, {
      'turnout.config.json': JSON.stringify({ sources: { redis: { url: 'redis://127.0.0.1:1' } } }),
      'home.js':
        "export default { register: (routes) => void routes.get('/', (c) => c.text('home')) }",
    })
    const environment = { TURNOUT_ADMIN_TOKEN: 'a-token-of-this-test-0123456789abcdef' }
    const served = await startServe(t, folder, { environment })
    assert.equal((await ask(served.port, '/')).text, 'home')
    const answer = await fetch(`${served.admin}/readyz`)
    assert.equal(answer.status, 503)
    const headers = { authorization: `Bearer ${environment.TURNOUT_ADMIN_TOKEN}` }
    const { reasons } = (await (await fetch(`${served.admin}/api/status`, { headers })).json()) as {
      readonly reasons: readonly string[]
    }
    assert.deepEqual(reasons, ['redis:routing_rules was never read'])
    assert.equal(await served.stop(), 0)
  },
)
