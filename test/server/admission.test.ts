import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { limitsOf } from '../../src/core/http/limits.ts'
import type { Logger } from '../../src/core/logger.ts'
import { overloadOf } from '../../src/core/protect/overload.ts'
import type { Serve } from '../../src/gateway/gateway.ts'
import { createNodeServe, openListener } from '../../src/server/node-listener.ts'
import { Admission } from '../../src/server/overload/admission.ts'
import type { Look } from '../../src/server/overload/meter.ts'
import { exchange, last, more, statusesOf } from '../attack/wire.ts'

const calm: Look = { utilization: 0.1, turnMs: 0, longTurnMs: 0, heapUsed: 0.3 }
const saturated: Look = { utilization: 1, turnMs: 100, longTurnMs: 120, heapUsed: 0.3 }

/** A listener whose worker is at what the test says. */
async function open(
  t: TestContext,
  serve: Serve,
): Promise<{ port: number; admission: Admission; see: (look: Look) => void; told: string[] }> {
  const told: string[] = []
  const tell: Logger['warn'] = (message) => void told.push(message)
  const ignore = (): void => undefined
  const log: Logger = { debug: ignore, info: tell, warn: tell, error: tell }
  let seen = calm
  const meter = { look: () => seen, close: ignore }
  const admission = new Admission(overloadOf({ waitMs: 1_000 })!, log, meter)
  const rules = { limits: limitsOf(), underscores: 'drop', trusted: [] } as const
  const listener = await openListener(
    createNodeServe(serve, 0, rules, admission),
    { host: '127.0.0.1', port: 0 },
    rules,
    log,
    admission,
  )
  t.after(async () => {
    await listener.close(0)
    admission.close()
  })
  const see = (look: Look): void => {
    seen = look
    admission.look()
  }
  return { port: listener.port, admission, see, told }
}

/** Answers when it is told to. */
function holding(): { serve: Serve; waiting: (() => void)[] } {
  const waiting: (() => void)[] = []
  const serve: Serve = (transport) =>
    new Promise((resolve) => {
      waiting.push(() => {
        transport.send(200, [], 'done')
        resolve()
      })
    })
  return { serve, waiting }
}

test('a heap that fills: connections end, then one exchange at a time, then no connection', async (t) => {
  const { serve, waiting } = holding()
  const { port, admission, see, told } = await open(t, serve)
  const ask = async (): Promise<string> => {
    const answer = exchange(port, more('/'))
    while (waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    waiting.pop()!()
    return answer
  }
  see({ ...calm, heapUsed: 0.86 })
  assert.match(await ask(), /^connection: close\r$/im)
  see({ ...calm, heapUsed: 0.93 })
  assert.deepEqual([admission.status().limit, admission.status().heap], [1, 'no-exchanges'])
  assert.deepEqual(statusesOf(await ask()), [200])
  see({ ...calm, heapUsed: 0.96 })
  assert.equal(await exchange(port, last('/')), '')
  // Down again, but not before it is well below.
  see({ ...calm, heapUsed: 0.91 })
  assert.equal(await exchange(port, last('/')), '')
  see({ ...calm, heapUsed: 0.5 })
  assert.deepEqual([admission.status().limit, admission.status().heap], [null, 'open'])
  const answer = exchange(port, last('/'))
  while (waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  waiting.pop()!()
  assert.deepEqual(statusesOf(await answer), [200])
  assert.deepEqual(told, [
    'the heap is nearly full',
    'the heap is nearly full',
    'the heap is nearly full',
    'the heap has room again',
  ])
})

test('nobody is turned away while the event loop has time, however many are under way', async (t) => {
  const { serve, waiting } = holding()
  const { port, admission } = await open(t, serve)
  const answers = Array.from({ length: 200 }, () => exchange(port, last('/')))
  while (waiting.length < 200) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.deepEqual([admission.status().limit, admission.status().inFlight], [null, 200])
  for (const answer of waiting) answer()
  assert.deepEqual(new Set((await Promise.all(answers)).flatMap(statusesOf)), new Set([200]))
})

test('a saturated loop: at most the limit is under way, and who waits is let in as places are left', async (t) => {
  const { serve, waiting } = holding()
  const { port, admission, see, told } = await open(t, serve)
  // Nobody looks but the test: what the timer sees is the same.
  for (let look = 0; look < 4; look += 1) see(saturated)
  assert.equal(admission.status().isHolding, true)
  assert.equal(admission.status().limit, 10)
  const answers = Array.from({ length: 40 }, () => exchange(port, last('/')))
  const settle = async (inFlight: number, waits: number): Promise<void> => {
    for (;;) {
      const status = admission.status()
      assert.ok(status.inFlight <= 10, `${status.inFlight} in flight`)
      if (status.inFlight === inFlight && status.waiting === waits) return
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
  for (let left = 40; left > 0; left -= 1) {
    await settle(Math.min(10, left), Math.max(0, left - 10))
    waiting.shift()!()
  }
  assert.deepEqual(new Set((await Promise.all(answers)).flatMap(statusesOf)), new Set([200]))
  await settle(0, 0)
  assert.equal(admission.status().shed, 0)
  assert.deepEqual(told, ['overloaded: requests are shed'])
})
