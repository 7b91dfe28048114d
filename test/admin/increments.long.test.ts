import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { open, root, target } from './support/open.ts'

const main = fileURLToPath(new URL('support/increment-main.js', import.meta.url))
const run = promisify(execFile)

test('8 clients in 2 processes count to 10,000 together with compare-and-set', async (t) => {
  const { send, url, publisher } = await open(t)
  await send('POST', '/api/routes', {
    body: { id: 'counter', path: '/counter', target, metadata: { n: 0 } },
  })
  const half = () => run(process.execPath, [main, url, root, '4', '1250'])
  const outputs = await Promise.all([half(), half()])
  const { body } = await send('GET', '/api/routes/counter')
  assert.equal(body.metadata.n, 10_000)
  assert.equal(publisher.current.revision.number, 10_001)
  const lost = outputs.reduce((sum, { stdout }) => sum + Number(stdout), 0)
  assert.ok(lost > 0, 'the clients never met, so nothing was shown')
  t.diagnostic(`${lost} steps were refused and tried again`)
})
