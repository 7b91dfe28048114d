import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runReloads } from './support/reload.ts'

for (const [what, flags] of [
  ['', []],
  [' in a small heap', ['--pressure']],
] as const) {
  test(`300 reloads of a 50 KB module${what} keep no old version`, async () => {
    const { alive, maps } = await runReloads('--reloads', '300', '--skip', '100', ...flags)
    assert.deepEqual({ alive, maps }, { alive: 0, maps: 0 })
  })
}
