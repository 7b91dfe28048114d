import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

interface Collected {
  readonly freed: number
  readonly maps: number
}

test('a load is freed when the last of its closures is, and its source map with it', async () => {
  const script = fileURLToPath(new URL('support/collect-main.js', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script])
  const told = JSON.parse(stdout) as {
    readonly whileHandlerIsKept: Collected
    readonly mapped: string
    readonly whenDropped: Collected
    readonly afterFailures: Collected
  }
  assert.deepEqual(told.whileHandlerIsKept, { freed: 0, maps: 1 })
  assert.match(told.mapped, /kept\.ts:8:59/)
  assert.deepEqual(told.whenDropped, { freed: 1, maps: 0 })
  // The dependency that is missing was found before any code was compiled: nothing to free.
  assert.deepEqual(told.afterFailures, { freed: 3, maps: 0 })
})
