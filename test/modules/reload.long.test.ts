import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runReloads } from './support/reload.ts'

for (const [what, flags] of [
  ['', []],
  [' in a small heap', ['--pressure']],
] as const) {
  test(`10,000 reloads of a 50 KB module${what} keep at most 1 KB each`, async () => {
    const result = await runReloads('--reloads', '10000', '--road', 'rehearse', ...flags)
    assert.ok(result.heapKbPerReload <= 1, `heap ${result.heapKbPerReload} KB`)
    assert.ok(result.rssKbPerReload <= 1, `RSS ${result.rssKbPerReload} KB`)
    assert.equal(result.alive, 0)
    assert.equal(result.maps, 0)
  })
}
