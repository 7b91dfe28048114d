import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leastRate, replaceUnderLoad } from './support/replacements.ts'

test('1,000 replacements under load: nothing lost, every answer of one version, dispose after the last exchange', async (t) => {
  const report = await replaceUnderLoad(t, 1_000)
  t.diagnostic(JSON.stringify(report))
  const { requestsPerSecond } = report
  assert.ok(
    requestsPerSecond >= leastRate,
    `invalid: the load reached only ${requestsPerSecond} of ${leastRate} requests/s`,
  )
})
