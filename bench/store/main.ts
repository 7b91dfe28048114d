// What the local store costs: durable publishes beside bare syncs, opening, and how long a checkpoint holds the event
// loop. The folder is in the working directory, for a temporary folder may be no disk.
import { mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Json } from '../../src/core/json.ts'
import { openLocalStore, type LocalStore } from '../../src/store/local.ts'
import type { StoredObject } from '../../src/store/store.ts'

const size = Number(process.argv[2] ?? 100_000)
const root = mkdtempSync(join(process.cwd(), '.turnout-bench-'))
process.on('exit', () => rmSync(root, { recursive: true, force: true }))

const routeAt = (at: number): StoredObject => ({
  key: `route:route-${at}`,
  value: {
    id: `route-${at}`,
    owner: 'admin',
    methods: ['GET', 'POST'],
    paths: [`/t/t${at % 1000}/svc/s${at}/items/:id`],
    predicates: [],
    target: { kind: 'uri', uri: `http://127.0.0.1:${9000 + (at % 100)}/base` },
    metadata: { team: 'platform', added: '2026-01-01' },
    order: 0,
    enabled: true,
  },
})

const openAt = (name: string): Promise<LocalStore> =>
  openLocalStore({
    directory: join(root, name),
    onWarning: ({ message }) => console.log(`warning: ${message}`),
  })

const median = (times: readonly number[]): number =>
  times.toSorted((left, right) => left - right)[times.length >> 1]!

const bareSyncs = async (seconds: number): Promise<number> => {
  const handle = await open(join(root, 'bare'), 'w')
  const line = Buffer.from(JSON.stringify(routeAt(1)))
  const startedAt = performance.now()
  let count = 0
  while (performance.now() - startedAt < seconds * 1000) {
    await handle.write(line)
    await handle.datasync()
    count += 1
  }
  await handle.close()
  return count / seconds
}

/** Publishes one route at a time, by so many publishers, each waiting for its answer. */
const publishFor = async (
  { store }: LocalStore,
  publishers: number,
  seconds: number,
  table: Map<string, Json>,
): Promise<{ rate: number; times: number[] }> => {
  let { number } = (await store.read())!
  const times: number[] = []
  const startedAt = performance.now()
  const publish = async (): Promise<void> => {
    while (performance.now() - startedAt < seconds * 1000) {
      number += 1
      const put = [routeAt(number % 1000)]
      const begin = performance.now()
      const proposal = { number, meta: { author: 'bench', at: Date.now() }, put, remove: [] }
      const result = await store.publish(proposal, () => objectsOf(table))
      if (!result.ok) throw new Error('lost a race')
      times.push(performance.now() - begin)
    }
  }
  await Promise.all(Array.from({ length: publishers }, publish))
  return { rate: times.length / seconds, times }
}

function* objectsOf(table: ReadonlyMap<string, Json>): Generator<StoredObject> {
  for (const [key, value] of table) yield { key, value }
}

const percentile = (times: readonly number[], share: number): string =>
  times.toSorted((left, right) => left - right)[Math.floor(times.length * share)]!.toFixed(1)

/** The longest time in which the event loop did nothing else, while `work` ran. */
const longestBlock = async (work: () => Promise<void>): Promise<number> => {
  let longest = 0
  let last = performance.now()
  let isDone = false
  const turn = (): void => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
    if (!isDone) setImmediate(turn)
  }
  setImmediate(turn)
  await work()
  isDone = true
  return longest
}

console.log(`${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, Node ${process.version}`)

const small = await openAt('rate')
const table = new Map(
  Array.from({ length: 1000 }, (_, at) => [`route:route-${at}`, routeAt(at).value]),
)
for (const publishers of [1, 32]) {
  const bare = await bareSyncs(2)
  const { rate, times } = await publishFor(small, publishers, 4, table)
  console.log(
    `${publishers} publishers: ${Math.round(rate)} durable publishes/s, p50 ${percentile(times, 0.5)} ms, p99 ${percentile(times, 0.99)} ms; bare write and fdatasync: ${Math.round(bare)}/s, ratio ${(rate / bare).toFixed(2)}`,
  )
}
await small.store.close()

for (const count of [10_000, size]) {
  const name = `open-${count}`
  const all = Array.from({ length: count }, (_, at) => routeAt(at))
  const filling = await openAt(name)
  for (let at = 0; at < count; at += 5000) {
    const put = all.slice(at, at + 5000)
    const number = at / 5000 + 1
    const end = at + 5000
    await filling.store.publish({ number, meta: null, put, remove: [] }, () => all.slice(0, end))
  }
  await filling.idle()
  await filling.store.close()
  const times: number[] = []
  for (let round = 0; round < 5; round += 1) {
    const begin = performance.now()
    const opened = await openAt(name)
    const state = (await opened.store.read())!
    let found = 0
    for (const _ of state.objects) found += 1
    times.push(performance.now() - begin)
    if (found !== count) throw new Error(`${found} objects of ${count}`)
    await opened.store.close()
  }
  console.log(
    `open and read ${count} objects: median ${median(times).toFixed(0)} ms, best ${Math.min(...times).toFixed(0)} ms`,
  )
}

const large = new Map(
  Array.from({ length: size }, (_, at) => [`route:route-${at}`, routeAt(at).value]),
)
const idle: number[] = []
const blocks: number[] = []
const lasted: number[] = []
const beside: number[] = []
for (let round = 0; round < 5; round += 1) {
  const opened = await openLocalStore({
    directory: join(root, `checkpoint-${round}`),
    checkpointBytes: 1,
    onWarning: ({ message }) => console.log(`warning: ${message}`),
  })
  const publish = (number: number): unknown =>
    opened.store.publish({ number, meta: null, put: [routeAt(number)], remove: [] }, () =>
      objectsOf(large),
    )
  idle.push(await longestBlock(() => new Promise((resolve) => setTimeout(resolve, 500))))
  const startedAt = performance.now()
  blocks.push(
    await longestBlock(async () => {
      await publish(1)
      await opened.idle()
    }),
  )
  lasted.push(performance.now() - startedAt)
  await opened.store.close()
}
console.log(
  `checkpoint of ${size} objects: median ${median(lasted).toFixed(0)} ms in the background; longest block of the event loop: median ${median(blocks).toFixed(1)} ms, best ${Math.min(...blocks).toFixed(1)} ms (without one: median ${median(idle).toFixed(1)} ms, best ${Math.min(...idle).toFixed(1)} ms)`,
)

const opened = await openLocalStore({
  directory: join(root, 'beside'),
  checkpointBytes: 1,
  onWarning: ({ message }) => console.log(`warning: ${message}`),
})
const ended = new AbortController()
for (let number = 1; !ended.signal.aborted; number += 1) {
  const begin = performance.now()
  await opened.store.publish({ number, meta: null, put: [routeAt(number)], remove: [] }, () =>
    objectsOf(large),
  )
  beside.push(performance.now() - begin)
  if (number === 1) void opened.idle().then(() => ended.abort())
}
console.log(
  `${beside.length} publishes beside a checkpoint: p50 ${percentile(beside, 0.5)} ms, p99 ${percentile(beside, 0.99)} ms`,
)
await opened.store.close()
