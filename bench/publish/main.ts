// How many changes per second are accepted and on the disk: `main.js [--seconds N]`. Each is a PUT of one route of 1,000;
// each client waits for its answer. Over HTTP `admin.changesPerSecond` is lifted, and a client uses 16 tokens of its own in
// turn, because a token may make 200 changes a second; nothing else differs from `turnout serve` as it comes.
import { mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { editOf } from '../../src/control/change.ts'
import { fillDataFolder, openPublisher } from '../instance/fill.ts'
import { machine, quantiles, sizeOf } from '../instance/figures.ts'
import { putRoute } from '../instance/put.ts'
import { routeAt } from '../instance/routes.ts'
import { makeTokens, startServe } from '../instance/serve.ts'
import { Wire } from '../instance/wire.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    routes: { type: 'string', default: '1k' },
    // The process that is measured, for a profile of it.
    only: { type: 'string' },
  },
})
const seconds = Number(values.seconds)
const routes = sizeOf(values.routes)
const clients = [1, 8, 32]
const tokensEach = 16
const root = mkdtempSync(join(process.cwd(), '.turnout-bench-'))
process.on('exit', () => rmSync(root, { recursive: true, force: true }))

interface Rate {
  readonly perSecond: number
  readonly times: readonly number[]
}

/** So many loops of changes beside each other; the first half second is thrown away. */
const measure = async (
  count: number,
  change: (client: number, round: number) => Promise<void>,
): Promise<Rate> => {
  const times: number[] = []
  const startedAt = performance.now()
  const loop = async (client: number): Promise<void> => {
    for (let round = 0; performance.now() - startedAt < seconds * 1_000 + 500; round += 1) {
      const begin = performance.now()
      await change(client, round)
      if (begin - startedAt > 500) times.push(performance.now() - begin)
    }
  }
  await Promise.all(Array.from({ length: count }, (_, client) => loop(client)))
  return { perSecond: times.length / seconds, times }
}

/** What the disk gives: a write of a line and a sync, one after the other. */
const bareSyncs = async (): Promise<Rate> => {
  const handle = await open(join(root, 'bare'), 'w')
  const line = Buffer.alloc(600, 'x')
  const rate = await measure(1, async () => {
    await handle.write(line)
    await handle.datasync()
  })
  await handle.close()
  return rate
}

const inProcess = async (count: number): Promise<Rate> => {
  const directory = join(root, `process-${count}`)
  await fillDataFolder(directory, routes)
  const { publisher, close } = await openPublisher(directory)
  const rate = await measure(count, async (client, round) => {
    const put = routeAt((client * 31 + round * 7) % routes, `v${client}-${round}`)
    const items = [editOf('admin', [put], [])]
    const set = { author: 'bench', reason: 'put', isPartial: false, items }
    const { revision } = await publisher.change(set)
    if (revision === null) throw new Error('nothing was published')
  })
  await close()
  return rate
}

const overHttp = async (count: number): Promise<Rate> => {
  const home = join(root, `http-${count}`)
  await fillDataFolder(join(home, 'data'), routes)
  const served = await startServe(home, undefined, 1_000_000)
  const tokens = await makeTokens(served, count * tokensEach)
  const wires = tokens.slice(0, count).map(() => new Wire(served.adminPort))
  const rate = await measure(count, async (client, round) => {
    const token = tokens[client * tokensEach + (round % tokensEach)]!
    const at = (client * 31 + round * 7) % routes
    const answer = await wires[client]!.ask(putRoute(token, at, `v${client}-${round}`))
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`)
  })
  for (const wire of wires) wire.close()
  await served.stop()
  return rate
}

console.log(machine())
const tell = (what: string, { perSecond, times }: Rate, bare: Rate): void => {
  const ratio = (perSecond / bare.perSecond).toFixed(2)
  console.log(
    `${what.padEnd(24)} ${perSecond.toFixed(0).padStart(6)}/s  ${ratio}x of a bare sync  ${quantiles(times)}`,
  )
}
for (const [name, run] of Object.entries({ 'in process': inProcess, 'over HTTP': overHttp })) {
  if (values.only !== undefined && !name.startsWith(values.only)) continue
  for (const count of clients) {
    const bare = await bareSyncs()
    tell(`${name}, ${count} client${count === 1 ? '' : 's'}`, await run(count), bare)
  }
}
