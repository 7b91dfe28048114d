// `server.js POLICY`: a handler of 2 ms of work and 20 ms of waiting behind a policy: `none`, `ours`, or a number that is
// the limit. Says its port, and at the end what it turned away.
import { setTimeout as wait } from 'node:timers/promises'
import { createTurnout } from '../../src/turnout.ts'

const [policy = 'ours'] = process.argv.slice(2)
const overload =
  policy === 'none' ? false : policy === 'ours' ? {} : ({ concurrency: Number(policy) } as const)
const turnout = createTurnout({ logger: false, overload })

const work = (ms: number): void => {
  const until = performance.now() + ms
  while (performance.now() < until);
}

turnout.get('/', async (c) => {
  work(2)
  await wait(20)
  return c.text('done')
})
const { port } = await turnout.listen({ port: 0 })
process.send!(port)
if (process.env['OVERLOAD_TRACE'] !== undefined)
  setInterval(() => console.error(JSON.stringify(turnout.overload)), 250)
