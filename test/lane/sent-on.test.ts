import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeds } from './seeds.ts'
import { claims, compareSentOn, hops, isPlain, openForwarding, usual } from './sent-on.ts'

test('what clients send every day goes on as it is; what is not theirs to say does not', () => {
  const withField = (name: string): string => `GET / HTTP/1.1\r\nHost: a\r\n${name}: 1\r\n\r\n`
  const spellings = (name: string): string[] => [name, name.toLowerCase(), name.toUpperCase()]
  const daily = [
    ...usual,
    'Upgrade-Insecure-Requests',
    'Pragma',
    'Priority',
    'Purpose',
    'tracestate',
  ]
  for (const name of daily.flatMap(spellings)) assert.equal(isPlain(withField(name)), true, name)
  const others = [...hops, ...claims, 'Upgrade', 'Expect', 'Transfer-Encoding', 'X-Forwarded-For2']
  for (const name of others.flatMap(spellings)) assert.equal(isPlain(withField(name)), false, name)
})

const cases = [
  ['nobody is trusted', {}],
  ['a proxy is trusted', { trustedProxies: ['127.0.0.1'] }],
  ['underscores are kept', { underscores: 'keep' }],
] as const

for (const [at, [what, options]] of cases.entries())
  test(`an endpoint is sent the same fields by both lanes where ${what}`, async (t) => {
    const ports = await openForwarding(t, options)
    const told = await compareSentOn(ports, seeds[at]!, 1_500)
    const { asked, sent, plain, differences } = told
    t.diagnostic(`${asked} requests: ${sent} were sent on; the lane takes ${plain} as they are`)
    assert.deepEqual(differences, [])
    assert.ok(sent > asked * 0.8 && sent < asked, `${sent} of ${asked} are sent on`)
    assert.ok(plain > asked * 0.4 && plain < sent * 0.9, `${plain} of ${asked} are plain`)
  })
