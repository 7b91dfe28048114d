import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createTurnout } from '../../src/turnout.ts'
import type { Kind } from './main.ts'

const listen = async (kind: Kind): Promise<number> => {
  if (kind === 'node:http') {
    const server = createServer({ keepAliveTimeout: 600_000 }, (_, response) =>
      response.end('hello'),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return (server.address() as AddressInfo).port
  }
  const turnout = createTurnout({ logger: false, lane: kind, limits: { keepAliveMs: 600_000 } })
  turnout.get('/', (c) => c.text('hello'))
  return (await turnout.listen({ port: 0 })).port
}

const port = await listen(process.argv[2] as Kind)
process.on('message', () => {
  for (let at = 0; at < 3; at++) globalThis.gc?.()
  process.send?.(process.memoryUsage())
})
process.send?.(port)
