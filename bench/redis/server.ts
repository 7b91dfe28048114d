// A gateway that follows a key of Redis, in a process of its own: `server.js URL`. Writes its port, and when it is asked
// for the longest times that its loop was held up since it was asked last, these.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createTurnout } from '../../src/turnout.ts'

const turnout = createTurnout({ logger: false })
await turnout.redis({ url: process.argv[2]! })
const { port } = await turnout.listen({ port: 0 })
process.send?.({ port })
const delays = monitorEventLoopDelay({ resolution: 1 })
delays.enable()
process.on('message', () => {
  // A timer of 1 ms is what it counts from.
  const [p99, most] = [delays.percentile(99), delays.max].map((ns) => ns / 1e6 - 1)
  process.send?.({ p99, most, revision: turnout.revision })
  delays.reset()
})
process.on('disconnect', () => process.exit(0))
