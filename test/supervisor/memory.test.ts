import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heapWords, shareOfMemory } from '../../src/supervisor/memory.ts'
import { ask, makeFolder, startServe } from '../hot/support/served.ts'

const mebibyte = 1024 * 1024

const shares: readonly (readonly [string, number, number, number, number])[] = [
  ['two workers and the supervisor in 512 MiB', 2, 512, 8192, 153.6],
  ['one worker and the supervisor in 256 MiB', 1, 256, 8192, 115.2],
  ['no limit', 2, 0, 8192, Infinity],
  ['a limit as high as the machine', 2, 8192, 8192, Infinity],
  ['what a kernel says that has no limit', 2, 17_592_186_044_416, 8192, Infinity],
]
for (const [name, count, limit, total, share] of shares)
  test(`the share of a worker: ${name}`, () => {
    const found = shareOfMemory(count, limit * mebibyte, total * mebibyte) / mebibyte
    assert.equal(Number.isFinite(found) ? Math.round(found * 10) / 10 : found, share)
  })

const words: readonly (readonly [string, number, number, readonly string[], readonly string[]])[] =
  [
    ['what code and the young space leave', 154, 2048, [], ['--max-old-space-size=64']],
    ['three quarters, where that is less', 1024, 2048, [], ['--max-old-space-size=768']],
    ['enough to live, however little that is', 20, 2048, [], ['--max-old-space-size=48']],
    ['nothing where it may hold what it wants', Infinity, 2048, [], []],
    ["nothing above Node's own choice", 4096, 2048, [], []],
    ['nothing where it was said', 154, 2048, ['--max-old-space-size=300'], []],
    [
      'nothing where it was said as V8 has it',
      154,
      2048,
      ['--enable-source-maps --max_old_space_size=300'],
      [],
    ],
  ]
for (const [name, memory, usual, said, expected] of words)
  test(`the heap of a worker: ${name}`, () => {
    assert.deepEqual(heapWords(memory * mebibyte, usual * mebibyte, said), expected)
  })

const telling = `
import { getHeapStatistics } from 'node:v8'
export default {
  register(routes) {
    routes.get('/words', (c) => c.json({
      words: process.execArgv,
      limit: getHeapStatistics().heap_size_limit,
    }))
  },
}
`
const asked = async (port: number) =>
  JSON.parse((await ask(port, '/words')).text) as {
    readonly words: readonly string[]
    readonly limit: number
  }

test('a worker that may hold 160 MiB has a heap that fits', async (t) => {
  const folder = makeFolder(t, {
    'words.js': telling,
    'turnout.config.json': JSON.stringify({ workerMemoryMb: 160 }),
  })
  const { port, stop } = await startServe(t, folder)
  const { words, limit } = await asked(port)
  assert.deepEqual(words, ['--max-old-space-size=70'])
  assert.ok(limit < 160 * mebibyte, String(limit))
  assert.equal(await stop(), 0)
})

test('the operator has the last word on the heap of a worker', async (t) => {
  const folder = makeFolder(t, {
    'words.js': telling,
    'turnout.config.json': JSON.stringify({ workerMemoryMb: 160 }),
  })
  const environment = { NODE_OPTIONS: '--max-old-space-size=300' }
  const { port } = await startServe(t, folder, { environment })
  const { words, limit } = await asked(port)
  assert.deepEqual(words, [])
  assert.ok(limit >= 300 * mebibyte, String(limit))
})
