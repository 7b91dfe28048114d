// Some admin clients in one process, each counting up one route's metadata by compare-and-set.
// Arguments: {"url": ..., "tokens": [...], "increments": N}. Says what it met as one line of JSON.
import { setTimeout as delay } from 'node:timers/promises'
import { createAdminClient } from '../../../src/admin/client.ts'

const { url, tokens, increments } = JSON.parse(process.argv[2]!) as {
  readonly url: string
  readonly tokens: readonly string[]
  readonly increments: number
}
const params = { id: 'counter' }
const met = { done: 0, lost: 0, limited: 0, others: [] as string[] }

async function count(token: string): Promise<void> {
  const client = createAdminClient({ url, token })
  let left = increments
  while (left > 0) {
    const found = await client.getRoute({ params })
    if (!found.ok) throw new Error(JSON.stringify(found.problem))
    const { count } = found.body['metadata'] as { readonly count: number }
    const body = { ...found.body, metadata: { count: count + 1 } }
    const put = await client.putRoute({ params, body, ifMatch: found.etag! })
    if (put.ok) {
      left -= 1
      met.done += 1
    } else if (put.status === 412) {
      met.lost += 1
      // All eight at once would mostly wait for each other's failures.
      await delay(Math.random() * 30)
    } else if (put.status === 429) {
      met.limited += 1
      await delay((put.retryAfter ?? 1) * 1_000)
    } else {
      met.others.push(`${put.status} ${put.problem.code}`)
    }
  }
}

await Promise.all(tokens.map(count))
console.log(JSON.stringify(met))
