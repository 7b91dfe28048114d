import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask } from '../hot/support/served.ts'
import { badHeader, escapes, failingSocket } from './modules.ts'
import { demandContained, isOffence, startHarm, startLoad } from './support.ts'

for (const harm of escapes) {
  test(`${harm.name} harms nobody else, and its module version is named`, async (t) => {
    // Who writes to what belongs to Node has it on the safe lane only.
    const lane = harm.code.includes('transport.node()') ? 'safe' : 'fast'
    const instance = await startHarm(t, harm.code, lane)
    const load = startLoad(t, instance)
    await load.more(5)
    await demandContained(instance, load, harm)
  })
}

test('a socket that fails and has no listener harms nobody else; the second one is named', async (t) => {
  const instance = await startHarm(t, failingSocket.code)
  const load = startLoad(t, instance)
  const first = instance.next(isOffence)
  // Its error has no frame of the module: a client that waited would wait for long.
  assert.equal((await ask(instance.port, '/harm?now')).status, 200)
  assert.equal((await first)['kind'], 'error')
  await demandContained(instance, load, failingSocket)
})

test('a header that cannot be sent costs its exchange', async (t) => {
  const instance = await startHarm(t, badHeader)
  assert.equal((await ask(instance.port, '/harm')).status, 500)
  assert.equal((await ask(instance.port, '/others')).text, 'fine')
})

test('errors in great numbers are counted, and told now and then', async (t) => {
  const flood = escapes[0]!.code.replace(
    /routes.get\('\/harm', .*$/m,
    `routes.get('/harm', (c) => {
      const again = setInterval(() => { for (let i = 0; i < 50; i += 1) setImmediate(() => { told = String(Number(told) + 1); throw new Error('again') }) }, 1)
      setTimeout(() => clearInterval(again), 1500)
      return c.text('ok')
    })`,
  )
  const instance = await startHarm(t, flood)
  const isCounted = instance.next((event) => isOffence(event) && Number(event['count']) > 100)
  assert.equal((await ask(instance.port, '/harm')).status, 200)
  await isCounted
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  const { text } = await ask(instance.port, '/harm/ok')
  const told = instance.events.filter(isOffence)
  const counted = told.reduce((sum, event) => sum + Number(event['count']), 0)
  assert.equal(counted, Number(text.split(' ')[1]))
  assert.ok(told.length <= 40, `${told.length} events`)
})
