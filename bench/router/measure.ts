// One router, one table, one process: `measure.js ROUTER TABLE [--short]` prints its figures as JSON;
// with `--check` it looks every request up and prints nothing. The check runs in a process of its own,
// because it teaches the optimizer handlers that the measured run does not have.
import assert from 'node:assert/strict'
import { type Handler, type LookUp, type Peer, peers } from './peers.ts'
import { type BenchRequest, type BenchRoute, loadTable } from './tables.ts'

/** Strings as Node's HTTP parser makes them: new, flat, one-byte, never hashed. */
function freshUrls(requests: readonly BenchRequest[]): () => string[] {
  const bytes = Buffer.from(requests.map(({ url }) => url).join(''), 'latin1')
  const ends: number[] = []
  let end = 0
  for (const { url } of requests) ends.push((end += url.length))
  return () => ends.map((to, index) => bytes.toString('latin1', ends[index - 1] ?? 0, to))
}

const readers = new Map<string, Handler['read']>()

/** A handler that reads each param by name, with a call site of its own per list of names. */
function readerFor({ names }: BenchRoute, { restName, isIndexed }: Peer): Handler {
  const key = names.join(' ')
  let read = readers.get(key)
  if (read === undefined) {
    const reads = names.map((name) => {
      const quoted = JSON.stringify(name === '*' ? restName : name)
      return isIndexed === true ? `params[names[${quoted}]].length` : `params[${quoted}].length`
    })
    // oxlint-disable-next-line no-new-func, no-implied-eval -- names of the bench's own tables
    read = new Function(
      'params',
      'names',
      `return ${['0', ...reads].join(' + ')}`,
    ) as Handler['read']
    readers.set(key, read)
  }
  return { read }
}

/** Every request must give its own route and the right values before anything is timed. */
function check(peer: Peer, routes: readonly BenchRoute[], requests: readonly BenchRequest[]): void {
  let seen: { route: number; values: unknown[] } | undefined
  const spies = routes.map(({ names }, route) => ({
    read: (params: Record<string, string>, indexes?: Record<string, number>) => {
      seen = {
        route,
        values: names.map((name) =>
          indexes === undefined
            ? params[name === '*' ? peer.restName : name]
            : (params as unknown as string[])[indexes[name] ?? -1],
        ),
      }
      return 0
    },
  }))
  const lookUp = peer.make(routes, spies)
  for (const { method, url, route, values } of requests) {
    seen = undefined
    lookUp(method, url)
    assert.deepEqual(seen, { route, values: [...values] }, `${peer.name}: ${method} ${url}`)
  }
}

const median = (values: number[]): number =>
  values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

let sink = 0

function timeBatch(lookUp: LookUp, methods: readonly string[], urls: readonly string[]): number {
  const before = process.hrtime.bigint()
  for (let index = 0; index < urls.length; index += 1) sink += lookUp(methods[index]!, urls[index]!)
  return Number(process.hrtime.bigint() - before) / urls.length
}

function main(): void {
  const [name, table, mode] = process.argv.slice(2)
  const peer = peers.find((known) => known.name === name)
  assert.ok(peer !== undefined && table !== undefined)
  const { routes, requests } = loadTable(table)
  if (mode === '--check') return check(peer, routes, requests)
  const handlers = routes.map((route) => readerFor(route, peer))
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  const lookUp = peer.make(routes, handlers)
  globalThis.gc?.()
  const heap = (process.memoryUsage().heapUsed - before) / routes.length

  // Batches of at least 2,048 look-ups, so that the clock does not count.
  const repeated = Array.from({ length: Math.max(1, Math.ceil(2048 / requests.length)) }).flatMap(
    () => requests,
  )
  const methods = repeated.map(({ method }) => method)
  const fresh = freshUrls(repeated)
  for (let calls = 0; calls < peer.warmUp; calls += repeated.length) {
    timeBatch(lookUp, methods, fresh())
  }
  const runs = Math.max(9, Math.ceil((mode === '--short' ? 300_000 : 1_000_000) / repeated.length))
  const samples = Array.from({ length: runs }, () => timeBatch(lookUp, methods, fresh()))
  console.log(JSON.stringify({ nanoseconds: median(samples), heap, sink }))
}

main()
