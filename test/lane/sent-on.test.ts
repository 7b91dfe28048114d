import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeds } from './seeds.ts'
import { compareSentOn, openForwarding } from './sent-on.ts'

const cases = [
  ['nobody is trusted', {}],
  ['a proxy is trusted', { trustedProxies: ['127.0.0.1'] }],
  ['underscores are kept', { underscores: 'keep' }],
] as const

for (const [at, [what, options]] of cases.entries())
  test(`an endpoint is sent the same fields by both lanes where ${what}`, async (t) => {
    const ports = await openForwarding(t, options)
    const count = 2_000
    const { sent, plain, differences } = await compareSentOn(ports, seeds[at]!, count)
    t.diagnostic(`${count} requests: ${sent} were sent on; the lane takes ${plain} as they are`)
    assert.deepEqual(differences, [])
    assert.ok(sent > count * 0.8 && sent < count, `${sent} are sent on`)
    assert.ok(plain > count * 0.4 && plain < sent * 0.9, `${plain} of ${sent} are plain`)
  })
