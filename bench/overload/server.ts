// `server.js POLICY`: a handler of 2 ms of work and 20 ms of waiting behind a policy: `none`, `ours`, or a number that is
// the limit. Says its port, and at the end what it turned away.
import { setTimeout as wait } from 'node:timers/promises'
import { createTurnout } from '../../src/turnout.ts'

const [policy = 'ours'] = process.argv.slice(2)
const overload =
  policy === 'none' ? false : policy === 'ours' ? {} : ({ concurrency: Number(policy) } as const)
const turnout = createTurnout({ logger: false, overload })

/** The same steps for everybody, so that a neighbour of the machine makes it longer and not less. */
const spin = (steps: number): number => {
  let value = steps
  for (let at = 0; at < steps; at += 1) value = (value * 1_103_515_245 + 12_345) % 2_147_483_647
  return value
}

/** Steps of 2 ms: the quickest of many runs is the one that nobody disturbed. */
function calibrate(): number {
  const steps = 50_000
  let least = Infinity
  for (let run = 0; run < 400; run += 1) {
    const startedAt = performance.now()
    spin(steps)
    least = Math.min(least, performance.now() - startedAt)
  }
  return Math.round((steps * 2) / least)
}

const steps = calibrate()

turnout.get('/', async (c) => {
  spin(steps)
  await wait(20)
  return c.text('done')
})
const { port } = await turnout.listen({ port: 0 })
process.send!(port)
if (process.env['OVERLOAD_TRACE'] !== undefined)
  setInterval(() => console.error(JSON.stringify(turnout.overload)), 250)
