// `node dist/bench/router/main.js [--short] [TABLE...]`: look-ups beside the peers, then what changes cost.
// One process per router and table, one at a time, interleaved; what is compared was measured in one round.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type Peer, peers } from './peers.ts'
import { largeTables, loadTable, smallTables } from './tables.ts'

const isShort = process.argv.includes('--short')
const asked = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const tables =
  asked.length > 0
    ? asked
    : isShort
      ? ['github', 'static', '10k']
      : [...smallTables, ...largeTables]
const rounds = isShort ? 3 : 5

const runFile = (file: string, args: readonly string[]): string | undefined => {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--expose-gc', '--max-old-space-size=6000', path, ...args, ...(isShort ? ['--short'] : [])],
    { encoding: 'utf8', timeout: 300_000 },
  )
  if (status === 0) return stdout
  console.error(`${file} ${args.join(' ')} failed: ${stderr.split('\n').slice(0, 12).join('\n')}`)
  return undefined
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

/** Prints one table; true when nothing failed. */
function lookUps(table: string): boolean {
  const { routes } = loadTable(table)
  const holding = peers.filter((peer) => peer.holds(routes.length))
  const right = holding.filter(
    ({ name }) => runFile('measure.js', [name, table, '--check']) !== undefined,
  )
  const figures = new Map<Peer, { nanoseconds: number; heap: number }[]>(
    right.map((peer) => [peer, []]),
  )
  for (let round = 0; round < rounds; round += 1) {
    for (const peer of right) {
      const out = runFile('measure.js', [peer.name, table])
      if (out !== undefined) figures.get(peer)?.push(JSON.parse(out))
    }
  }
  const ours = figures.get(peers[0]!) ?? []
  console.log(`\n${table}: ${routes.length} routes, ${rounds} rounds, params read by name`)
  console.log(
    '  ns/look-up (lowest of medians)   ratio to turnout, per round: median [min max]   heap/route',
  )
  let fastest = Infinity
  let fastestPlain = Infinity
  for (const [peer, runs] of figures) {
    const ratios = runs.map(
      ({ nanoseconds }, round) => nanoseconds / (ours[round]?.nanoseconds ?? Number.NaN),
    )
    const ratio = median(ratios)
    if (peer !== peers[0]) fastest = Math.min(fastest, ratio)
    if (peer !== peers[0] && !peer.isCompiled) fastestPlain = Math.min(fastestPlain, ratio)
    const lowest = Math.min(...runs.map(({ nanoseconds }) => nanoseconds))
    const heap = Math.round(median(runs.map(({ heap }) => heap)))
    const spread = `[${Math.min(...ratios).toFixed(2)} ${Math.max(...ratios).toFixed(2)}]`
    console.log(
      `  ${peer.name.padEnd(22)} ${lowest.toFixed(0).padStart(6)}   ${ratio.toFixed(2)}x ${spread}   ${heap} B`,
    )
  }
  console.log(
    `  turnout is ${fastest.toFixed(2)}x the fastest, ${fastestPlain.toFixed(2)}x the fastest that is not compiled`,
  )
  return right.length === holding.length
}

interface UpdateFigures {
  readonly buildMs: number
  readonly bytesPerRoute: number
  readonly insert: Record<'p50' | 'p99' | 'p999', number>
  readonly replace: Record<'p50' | 'p99' | 'p999', number>
  readonly remove: Record<'p50' | 'p99' | 'p999', number>
  readonly afterUpdate: { readonly steady: number; readonly after: number; readonly ratio: number }
  readonly kept: { readonly bytes: number }
}

function updates(table: string): boolean {
  const out = runFile('update.js', [table])
  if (out === undefined) return false
  const figures = JSON.parse(out) as UpdateFigures
  const { buildMs, bytesPerRoute, afterUpdate, kept } = figures
  console.log(`\n${table}: changes`)
  for (const name of ['insert', 'replace', 'remove'] as const) {
    const { p50, p99, p999 } = figures[name]
    console.log(
      `  ${name.padEnd(8)} p50 ${p50.toFixed(1)} us, p99 ${p99.toFixed(1)} us, p99.9 ${p999.toFixed(0)} us`,
    )
  }
  console.log(
    `  build ${buildMs.toFixed(0)} ms, ${bytesPerRoute.toFixed(0)} B per route\n` +
      `  right after an update ${afterUpdate.after.toFixed(0)} ns, steady ${afterUpdate.steady.toFixed(0)} ns: ${afterUpdate.ratio.toFixed(2)}x\n` +
      `  100 kept revisions, indexes by id and owner included: ${(kept.bytes / 1e6).toFixed(2)} MB`,
  )
  return true
}

const versions = ['find-my-way', '@medley/router', 'memoirist', 'hono', 'rou3'].map((name) => {
  const file = fileURLToPath(new URL(`../../../node_modules/${name}/package.json`, import.meta.url))
  return `${name} ${(JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version}`
})
console.log(
  `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}, ${process.platform} ${process.arch}`,
)
console.log(versions.join(', '))
const results = tables.flatMap((table) => [lookUps(table), updates(table)])
process.exitCode = results.every(Boolean) ? 0 : 1
