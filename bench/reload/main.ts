// What a reload keeps: heap and RSS per reload of a generated module, and old versions still alive.
//
//   node dist/bench/reload/main.js [--reloads 10000] [--skip 500] [--size 50000]
//        [--road evaluate|build|rehearse] [--pressure] [--young] [--times] [--series] [--json]
//
// `evaluate` loads artifacts made from one build with another text in each; `build` edits the file and
// builds each time; `rehearse` does the whole road. `--pressure` runs with --max-old-space-size=64,
// `--times` prints the medians of the parts, `--series` every sample.
//
// V8's young generation is fixed at its smallest: it grows to 128 MB on Node 24 and touches those pages one
// by one over thousands of reloads, which looks like a leak of 10 KB each and is none. `--young` leaves it be.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { digestArtifact, type Artifact } from '../../src/modules/artifact.ts'
import { createBuilder } from '../../src/modules/build.ts'
import { evaluate } from '../../src/modules/evaluate.ts'
import { createRehearsal } from '../../src/modules/rehearsal.ts'
import { loadedScripts } from '../../src/modules/source-map.ts'
import { generateModule } from './generate.ts'

const { values } = parseArgs({
  options: {
    reloads: { type: 'string', default: '10000' },
    skip: { type: 'string', default: '500' },
    size: { type: 'string', default: '50000' },
    road: { type: 'string', default: 'build' },
    pressure: { type: 'boolean', default: false },
    young: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    series: { type: 'boolean', default: false },
    times: { type: 'boolean', default: false },
  },
})
const reloads = Number(values.reloads)
const skip = Math.min(Number(values.skip), Math.floor(reloads / 2))

// The flags that a run needs, in a process of its own.
const flags = [
  '--expose-gc',
  ...(values.young ? [] : ['--max-semi-space-size=1']),
  ...(values.pressure ? ['--max-old-space-size=64'] : []),
]
if (flags.some((flag) => !process.execArgv.includes(flag))) {
  const again = spawnSync(
    process.execPath,
    [...flags, fileURLToPath(import.meta.url), ...process.argv.slice(2)],
    { stdio: 'inherit' },
  )
  process.exit(again.status ?? 1)
}
const collect = globalThis.gc

const folder = mkdtempSync(join(tmpdir(), 'turnout-reload-'))
const file = join(folder, 'users.ts')
const builder = createBuilder()

const write = (turn: number): void => writeFileSync(file, generateModule(Number(values.size), turn))

async function buildNow(): Promise<Artifact> {
  const outcome = await builder.build(file)
  if (!outcome.ok) throw new Error(outcome.problems[0]?.message)
  return outcome.artifact
}

write(0)
const template = await buildNow()

async function nextArtifact(turn: number): Promise<Artifact> {
  if (values.road === 'evaluate') {
    const content = {
      ...template,
      script: template.script.replaceAll('turn 0', `turn ${turn}`),
      map: template.map.replaceAll('turn 0', `turn ${turn}`),
    }
    return { ...content, digest: digestArtifact(content) }
  }
  write(turn)
  return buildNow()
}

const rehearsal = createRehearsal({
  inspector: { module: new URL('inspect.js', import.meta.url), export: 'inspect' },
})

const times: Record<string, number[]> = {}
async function timed<Value>(part: string, work: () => Promise<Value>): Promise<Value> {
  const startedAt = performance.now()
  const value = await work()
  if (values.times) (times[part] ??= []).push(performance.now() - startedAt)
  return value
}

let freed = 0
async function reload(turn: number): Promise<void> {
  const artifact = await timed('build', async () => nextArtifact(turn))
  if (values.road === 'rehearse') {
    const rehearsed = await timed('rehearse', async () =>
      rehearsal.rehearse(artifact, file, '/users/7'),
    )
    if (!rehearsed.ok) throw new Error(rehearsed.problem.message)
  }
  const outcome = await timed('evaluate', async () =>
    evaluate(artifact, { file, onFreed: () => (freed += 1) }),
  )
  if (!outcome.ok) throw new Error(outcome.problem.message)
  const handler = outcome.exports['default'] as (path: string) => string
  if (!handler('/users/7').includes(`turn ${turn}`)) throw new Error('an old version answered')
}

const turnOfLoop = async (): Promise<void> => new Promise((done) => setImmediate(done))

async function measure(): Promise<{ readonly heap: number; readonly rss: number }> {
  for (let round = 0; round < 6; round += 1) {
    collect?.()
    await turnOfLoop()
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: heapUsed + external, rss }
}

/** Slope of the least-squares line, so that one odd sample does not decide. */
function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (of: 0 | 1): number =>
    points.reduce((sum, point) => sum + point[of], 0) / points.length
  const [x, y] = [mean(0), mean(1)]
  const above = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0)
  return above / points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0)
}

const heap: [number, number][] = []
const rss: [number, number][] = []
const every = Math.max(1, Math.floor((reloads - skip) / 20))
const startedAt = performance.now()
for (let turn = 1; turn <= reloads; turn += 1) {
  await reload(turn)
  await turnOfLoop()
  if (turn < skip || (turn - skip) % every !== 0) continue
  const now = await measure()
  heap.push([turn, now.heap / 1024])
  rss.push([turn, now.rss / 1024])
}
const elapsedMs = performance.now() - startedAt
await measure()
const result = {
  node: process.version,
  road: values.road,
  oldSpace: values.pressure ? '64 MB' : 'no limit',
  reloads,
  scriptKb: Math.round(template.script.length / 1024),
  heapKbPerReload: Number(slope(heap).toFixed(3)),
  rssKbPerReload: Number(slope(rss).toFixed(3)),
  alive: reloads - freed,
  maps: loadedScripts(),
  rssMb: Math.round(process.memoryUsage().rss / 2 ** 20),
  msPerReload: Number((elapsedMs / reloads).toFixed(2)),
}
console.log(
  values.json
    ? JSON.stringify(result)
    : Object.entries(result)
        .map(([name, value]) => `${name} ${value}`)
        .join(' | '),
)
if (values.series) {
  for (const [index, [turn, kb]] of rss.entries())
    console.log(`${turn}: heap ${heap[index]?.[1].toFixed(0)} KB, rss ${kb.toFixed(0)} KB`)
}
for (const [part, all] of Object.entries(times)) {
  const sorted = all.toSorted((a, b) => a - b)
  const at = (share: number): string =>
    (sorted[Math.floor(share * (all.length - 1))] ?? 0).toFixed(2)
  console.log(`${part}: first ${all[0]?.toFixed(2)} | p50 ${at(0.5)} | p99 ${at(0.99)} ms`)
}
await rehearsal.close()
await builder.close()
rmSync(folder, { recursive: true })
