import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { resolveName } from '../../src/gateway/upstream/environment.ts'
import { askRaw, codeOf, get } from './support/client.ts'
import { openNames, type Behaviour, type Names } from './support/names.ts'
import { openProxy, route, upstream, type Proxy } from './support/proxy.ts'
import { ok, openRecording, type Recording } from './support/recording.ts'

interface Named {
  readonly names: Names
  readonly first: Recording
  readonly second: Recording
  readonly proxy: Proxy
  readonly ask: () => Promise<string>
}

/** A route to a name, which may lead to two servers with one port. */
const openNamed = async (
  t: TestContext,
  behaviour: Behaviour,
  refreshMs = 30_000,
): Promise<Named> => {
  const names = await openNames(t)
  names.behaviour = behaviour
  const first = await openRecording(t, { answer: () => ok('first') })
  const second = await openRecording(
    t,
    { answer: () => ok('second') },
    { host: '127.0.0.2', port: first.port },
  )
  const discovery = { kind: 'dns', refreshMs }
  const proxy = await openProxy(
    t,
    [route('/*rest', 'one')],
    [upstream('one', [`http://shop.test:${first.port}`], { discovery })],
    { environment: { resolve: (host) => resolveName(host, names.service) } },
  )
  const ask = async (): Promise<string> => {
    const answer = await askRaw(proxy.port, get('/'))
    return answer.status === 200 ? answer.body : `${answer.status} ${codeOf(answer)}`
  }
  return { names, first, second, proxy, ask }
}

/** Waits for something that has to come about. */
const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (let left = 500; left > 0; left -= 1) {
    if (await holds()) return
    await delay(20)
  }
  assert.fail('it did not come about')
}

const keysOf = ({ proxy }: Named): string[] =>
  proxy.live('one').endpoints.map(({ key }) => key.split(' ')[1]!)

const lead = (...addresses: string[]): Behaviour => ({ addresses, ttl: 1 })

test('a name that leads nowhere is 503, and served as soon as it leads somewhere', async (t) => {
  for (const behaviour of ['no such name', 'fails', 'silent', 'garbage'] as const) {
    const { names, ask, proxy } = await openNamed(t, behaviour)
    await until(() => names.asked.length >= 1)
    assert.equal(await ask(), '503 TURNOUT_UPSTREAM_EMPTY', behaviour)
    names.behaviour = lead('127.0.0.1')
    await until(async () => (await ask()) === 'first')
    await proxy.quiet()
  }
})

test('a name that fails keeps where it led, and what is known of it', async (t) => {
  const named = await openNamed(t, lead('127.0.0.1'))
  const { names, first, second, proxy, ask } = named
  await until(async () => (await ask()) === 'first')
  const [endpoint] = proxy.live('one').endpoints
  for (const behaviour of ['no such name', 'fails', 'silent', 'garbage', lead()] as const) {
    names.behaviour = behaviour
    const before = names.asked.length
    await until(async () => {
      assert.equal(await ask(), 'first', JSON.stringify(behaviour))
      return names.asked.length >= before + 2
    })
  }
  assert.equal(proxy.live('one').endpoints[0], endpoint)
  assert.equal(first.count, 1)
  assert.ok(proxy.logged.some((line) => line.includes('gives no address')))
  // It leads elsewhere: what it led to is let go.
  names.behaviour = lead('127.0.0.2')
  await until(async () => (await ask()) === 'second')
  await until(() => first.open.size === 0)
  assert.deepEqual(keysOf(named), ['127.0.0.2'])
  assert.equal(second.count, 1)
  await proxy.quiet()
})

test('addresses that come and go: who stays keeps its connections, and nothing grows', async (t) => {
  const named = await openNamed(t, lead('127.0.0.1', '127.0.0.2'))
  const { names, first, second, proxy, ask } = named
  await until(() => keysOf(named).length === 2)
  const [stays] = proxy.live('one').endpoints
  const leads = [lead('127.0.0.2', '127.0.0.1'), lead('127.0.0.1'), 'fails'] as const
  for (let number = 0; number < 6; number += 1) {
    names.behaviour = leads[number % leads.length]!
    const before = names.asked.length
    await until(async () => {
      assert.match(await ask(), /^(?:first|second)$/)
      return names.asked.length > before
    })
  }
  names.behaviour = lead('127.0.0.1')
  await until(() => keysOf(named).length === 1)
  await until(() => second.open.size === 0)
  assert.equal(proxy.live('one').endpoints[0], stays)
  assert.equal(first.count, 1)
  assert.equal(proxy.upstreams.all().length, 1)
  await proxy.quiet()
})

test('a name is asked for again when its answer is over, or after the longest wait', async (t) => {
  for (const [ttl, refreshMs, waitMs] of [
    [2, 30_000, 2_000],
    [3_600, 1_500, 1_500],
    // More often than that asks for trouble.
    [0, 30_000, 1_000],
  ] as const) {
    const { names } = await openNamed(t, { addresses: ['127.0.0.1'], ttl }, refreshMs)
    await until(() => names.asked.length >= 2)
    const [one, other] = names.asked
    // A timer may be a little early, by the clock of another.
    assert.ok(other! - one! >= waitMs - 20, `${ttl} s: ${other! - one!} ms`)
  }
})
