// A gateway that follows a key of Redis, in a process of its own: `server.js URL`. Writes its port.
import { createTurnout } from '../../src/turnout.ts'

const turnout = createTurnout({ logger: false })
await turnout.redis({ url: process.argv[2]! })
const { port } = await turnout.listen({ port: 0 })
process.send?.({ port })
process.on('disconnect', () => process.exit(0))
