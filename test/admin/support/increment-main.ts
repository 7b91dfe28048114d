// Counts up over the API: URL TOKEN CLIENTS INCREMENTS. Prints how many steps were refused because others came first.
import { createAdminClient } from '../../../src/admin/client.ts'

const [url = '', token = '', clients = '1', increments = '1'] = process.argv.slice(2)
const params = { id: 'counter' }
let lost = 0

const count = async (): Promise<void> => {
  const client = createAdminClient({ url, token })
  for (let done = 0; done < Number(increments);) {
    const seen = await client.getRoute({ params })
    if (!seen.ok) throw new Error(seen.problem.detail)
    const { n } = seen.body['metadata'] as { readonly n: number }
    const body = { metadata: { n: n + 1 } }
    const result = await client.patchRoute({ params, body, ifMatch: seen.etag! })
    if (result.ok) done += 1
    else if (result.status === 412) lost += 1
    else throw new Error(result.problem.detail)
  }
}

await Promise.all(Array.from({ length: Number(clients) }, count))
console.log(lost)
