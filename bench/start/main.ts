// How soon `turnout serve` serves what its store holds: `main.js [SIZE...] [--rounds N]`. Each round is a new process on
// the same data folder, whose files are in the cache of the system.
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { fillDataFolder } from '../instance/fill.ts'
import { machine, ms, percentile, sizeOf } from '../instance/figures.ts'
import { pathAt } from '../instance/routes.ts'
import { startServe } from '../instance/serve.ts'
import { Wire } from '../instance/wire.ts'

const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '7' } },
  allowPositionals: true,
})
const sizes = positionals.length > 0 ? positionals : ['10k', '100k']
const rounds = Number(values.rounds)
const root = mkdtempSync(join(process.cwd(), '.turnout-bench-'))
process.on('exit', () => rmSync(root, { recursive: true, force: true }))

console.log(machine())
for (const size of sizes) {
  const count = sizeOf(size)
  const home = join(root, size)
  await fillDataFolder(join(home, 'data'), count)
  const ready: number[] = []
  const told: number[] = []
  const first: number[] = []
  const rss: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const startedAt = performance.now()
    const served = await startServe(home)
    const wire = new Wire(served.port)
    const answer = await wire.ask({ method: 'GET', path: pathAt(count - 1) })
    if (answer.status !== 200) throw new Error(`status ${answer.status}`)
    first.push(performance.now() - startedAt)
    ready.push(served.readyMs)
    told.push(served.toldMs)
    rss.push(served.rssBytes() / 1_000_000)
    wire.close()
    await served.stop()
  }
  const figures = (list: readonly number[]): string =>
    `median ${ms(percentile(list, 0.5))}, best ${ms(Math.min(...list))}`
  console.log(`${size} routes from the store, ${rounds} starts:`)
  console.log(`  ready line      ${figures(ready)}, from the start of the process`)
  console.log(`  without Node    ${figures(told)}, as the ready line tells it`)
  console.log(`  first answer    ${figures(first)}, from the start of the process`)
  console.log(`  RSS             median ${percentile(rss, 0.5).toFixed(0)} MB`)
}
