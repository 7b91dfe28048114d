// `npm run bench -- NAME [ARGUMENT...]`: one command for each claim; without a name it lists them.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root, setup } from './setup.mjs'

/** Name to compiled file, what it shows, and the flags of Node that it needs. */
const benches = {
  router: [
    'router/main.js',
    'look-ups beside other routers: github static gplus parse 10k 100k 1m [--short]',
    [],
  ],
  update: [
    'router/update.js',
    'what an update of the router costs, and look-ups right after: SIZE...',
    ['--expose-gc', '--max-old-space-size=8000'],
  ],
  table: [
    'table/main.js',
    'what a change of a whole table costs, indexes included: [SIZE]',
    ['--expose-gc', '--max-old-space-size=8000'],
  ],
  conflict: [
    'conflict/main.js',
    'what looking for conflicts costs when one route is put in, by policy: [SIZE]',
    [],
  ],
  store: [
    'store/main.js',
    'durable publishes per second, opening, and what a checkpoint holds up: [SIZE]',
    [],
  ],
  change: [
    'change/main.js',
    'PUT of one route until it serves, beside Caddy and nginx: [10 10k 1m] [--rounds N]',
    [],
  ],
  lossless: [
    'lossless/main.js',
    'what clients notice of a change each second, beside nginx, Caddy, HAProxy and Gin: [--rounds N] [--seconds N]',
    [],
  ],
  publish: [
    'publish/main.js',
    'durable changes per second, over HTTP and in process: [--seconds N]',
    [],
  ],
  storm: [
    'storm/main.js',
    'a storm of changes under load: [--seconds N] [--changes N] [--tokens N] [--rate N] [--workers N]',
    [],
  ],
  idle: [
    'idle/main.js',
    'memory of a connection that is kept and says nothing, on either lane: [CONNECTIONS]',
    [],
  ],
  overload: [
    'overload/main.js',
    'three times what a worker can do, by policy: [--seconds N] [--policies none,24,ours] [--rounds N]',
    [],
  ],
  start: ['start/main.js', 'time until `serve` serves what its store holds: [10k 100k]', []],
  gateway: ['gateway/main.js', 'a JSON hello beside node:http, Fastify and Hono (needs wrk)', []],
  half: [
    'gateway/half.js',
    'how long answers take at half of what a server can do, beside node:http and Fastify: [--rounds N] [--seconds N]',
    [],
  ],
  workers: [
    'workers/main.js',
    'worker processes: rates, memory, apply time, a kill: [--rounds N] [--seconds N]',
    [],
  ],
  proxy: [
    'proxy/main.js',
    'forwarding beside nginx, HAProxy, Caddy, Go and npm: [--rounds N] [--only A,B] [--memory]',
    [],
  ],
  mirror: [
    'mirror/main.js',
    'what counting an exchange costs, and copying 10 % or all of them: [--rounds N] [--seconds N]',
    ['--expose-gc'],
  ],
  selection: [
    'selection/main.js',
    'choosing among four versions beside a plain route: [--rounds N] [--seconds N]',
  ],
  resources: [
    'resources/main.js',
    'what knowing what holds a replaced version costs while nothing leaks: [--reloads N] [--rounds N]',
    ['--expose-gc'],
  ],
  redis: [
    'redis/main.js',
    'clients of rules from Redis, while the key and its server are in trouble: [--seconds N] [--rate N] [--floods N] [--only changes]',
    [],
  ],
  filters: [
    'filters/main.js',
    'what each filter adds to an exchange, and 10,000 rules by host or field beside one: [ROUNDS] [--only filters,look-ups,http] [--seconds N]',
    [],
  ],
  observability: [
    'observability/main.js',
    'metrics and access log, off and on: [--starts N] [--rounds N] [--seconds N] [--only A,B] [--row NAME={SETTINGS}]',
    [],
  ],
  memory: [
    'memory/main.js',
    'what supervisor and workers hold: [--workers 1,2] [--routes 10,10k] [--requests N]',
    [],
  ],
  isolated: [
    'isolated/main.js',
    'a module called directly, isolated, and remote: [--rounds N] [--seconds N] [--requests N]',
    [],
  ],
  containment: [
    'containment/main.js',
    'when others are served again after an endless loop, and what that costs: [--rounds N] [--tail N] [--only loops,tail,cost]',
    [],
  ],
  save: ['hot/main.js', 'time from saving a module to the first answer by the new code', []],
  rollout: [
    'rollout/main.js',
    'when a bad version is found out, under load: [--runs N] [--only plain,canary,slow]',
    [],
  ],
  reload: [
    'reload/main.js',
    'what a reload keeps: --road evaluate|build|rehearse --reloads N',
    ['--expose-gc'],
  ],
}

const [name, ...rest] = process.argv.slice(2)
const bench = name === undefined ? undefined : benches[name]
if (bench === undefined) {
  for (const [key, [, what]] of Object.entries(benches)) console.log(`${key.padEnd(8)} ${what}`)
  process.exit(name === undefined ? 0 : 2)
}
setup()
const [file, , flags = []] = bench
const path = join(root, 'dist/bench', file)
if (!existsSync(path)) throw new Error(`${path} is not built`)
const { status } = spawnSync(process.execPath, [...flags, path, ...rest], {
  cwd: root,
  stdio: 'inherit',
})
process.exitCode = status ?? 1
