import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leastRate, replaceUnderLoad } from './support/replacements.ts'

const attempts = 3

test('a module replaced under load: nothing lost, every answer of one version, dispose after the last exchange', async (t) => {
  // A load that is too weak proves nothing; a busy machine gets another try.
  const rates: number[] = []
  while (rates.length < attempts) {
    const { requestsPerSecond, latencies } = await replaceUnderLoad(t, 30)
    t.diagnostic(`${requestsPerSecond} requests/s, latencies ${JSON.stringify(latencies)}`)
    if (requestsPerSecond >= leastRate) return
    rates.push(requestsPerSecond)
  }
  assert.fail(`invalid: the load reached only ${rates.join(', ')} of ${leastRate} requests/s`)
})
