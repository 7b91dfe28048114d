// One gateway, one process: `server.js MODE` answers GET /ping on a free port and prints it.
import { silentLogger } from '../../src/core/logger.ts'
import { compileAsking, usualAsking } from '../../src/core/version/asking.ts'
import { Publisher } from '../../src/control/publisher.ts'
import { createGateway } from '../../src/gateway/gateway.ts'
import { limitsOf } from '../../src/core/http/limits.ts'
import type { RouteModule } from '../../src/modules/define.ts'
import { loadObject } from '../../src/modules/object-module.ts'
import { createNodeServe, openListener } from '../../src/server/node-listener.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { InProcessWorker } from '../../src/worker/in-process.ts'
import type { Mode } from './names.ts'

const mode = process.argv[2] as Mode
const worker = new InProcessWorker({
  services: () => Promise.resolve({}),
  log: silentLogger,
  drainMs: 1_000,
  streamDrainMs: 1_000,
  onRetired: () => undefined,
  isCounting: mode !== 'not counted',
})
const publisher = new Publisher({
  conflicts: 'ambiguous',
  worker,
  store: createMemoryStore(),
  keep: 10,
  onApplied: () => undefined,
  onRejected: (_, rejections) => {
    throw new Error(JSON.stringify(rejections))
  },
})
const hello = { message: 'pong' }
const answers = (path: string): RouteModule<never> => ({
  register: (routes) => void routes.get(path, (c) => c.json(hello)),
})
const items = Object.entries({ one: '/ping', two: '/:any' }).map(([name, path]) => ({
  kind: 'module' as const,
  ...loadObject(answers(path), name, { prefix: '', middleware: [] }, 'bench'),
}))
await publisher.change({ author: 'bench', reason: 'bench', isPartial: false, items })
const percent = mode === 'verify 100 %' ? 100 : 10
if (mode.startsWith('verify'))
  worker.verify('bench', {
    pairs: [{ stable: 'one#GET /ping', canary: 'two#GET /:any' }],
    settings: { percent, samples: Infinity, allMethods: false, headers: [], ignore: [] },
  })
const rules = { limits: limitsOf(undefined), underscores: 'drop', trusted: [] } as const
const serve = createGateway(worker.live, {
  trailingSlash: 'strict',
  path: { encodedSlash: 'reject' },
  asking: compileAsking(usualAsking),
  recovery: null,
  onEnd: null,
  observer: worker.observer,
})
const { port } = await openListener(
  createNodeServe(serve, 1_048_576, rules),
  { host: '127.0.0.1', port: 0 },
  rules,
  silentLogger,
)
process.stderr.write(`${port}\n`)
// How many copies there were belongs to the figure.
process.once('SIGTERM', () => {
  const { compared = 0, failed = 0 } = worker.verifyCounts('bench') ?? {}
  process.stderr.write(`copies ${compared} failed ${failed}\n`, () => process.exit(0))
})
