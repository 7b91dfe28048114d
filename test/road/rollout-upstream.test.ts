import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { byUser, openRoad, quickly, version, type Road } from './support/rollout.ts'
import { startTraffic, versionOf, type Traffic } from './support/traffic.ts'

/** A real server that counts what it is asked. */
async function startUpstream(
  t: TestContext,
  name: string,
): Promise<{ readonly uri: string; readonly asked: { count: number } }> {
  const asked = { count: 0 }
  const server = createServer((_, response) => {
    asked.count += 1
    response.setHeader('x-version', name)
    response.end(name)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

const steps = ['weight 20', 'pause', 'weight 60', 'pause']
const plan = { ...byUser, steps, analysis: quickly }

/** The objects of a table, as clients see them. */
async function tableOf({ instance }: Road): Promise<string> {
  const parts = ['/api/routes', '/api/upstreams'].map((path) => instance.send('GET', path))
  const all = await Promise.all(parts)
  return all
    .flatMap(({ body }) => body.items as readonly object[])
    .map((item) => JSON.stringify({ ...item, revision: 0, module: undefined }))
    .join('\n')
}

/** About so many of the next 1,000 answers are by the canary. */
async function demandShare(
  t: TestContext,
  port: number,
  canary: { readonly asked: { count: number } },
  percent: number,
): Promise<void> {
  const traffic: Traffic = startTraffic(t, port, { path: '/shop/7' })
  const before = canary.asked.count
  await traffic.more(1_000)
  const share = ((canary.asked.count - before) / traffic.count()) * 100
  await traffic.stop()
  assert.deepEqual(
    [...traffic.answers.keys()].filter((key) => !/^200 [AB]$/.test(key)),
    [],
  )
  assert.ok(Math.abs(share - percent) < 6, `${share.toFixed(1)} % for ${percent} %`)
}

const subjects = [
  {
    name: 'a route',
    flag: '--route',
    define: (uri: string) => ({ id: 'shop', path: '/shop/*rest', target: { uri } }),
    file: (uri: string) => ({ routes: [{ id: 'shop', path: '/shop/*rest', target: { uri } }] }),
  },
  {
    name: 'an upstream',
    flag: '--upstream',
    define: (uri: string) => ({ name: 'shop', endpoints: [{ url: uri }] }),
    file: (uri: string) => ({
      upstreams: [{ name: 'shop', endpoints: [{ url: uri }] }],
      routes: [
        { id: 'shop-all', path: '/shop/*rest', target: { upstream: 'shop' } },
        { id: 'shop-old', path: '/store/*rest', target: { upstream: 'shop' } },
      ],
    }),
  },
]

for (const { name: subject, flag, define, file } of subjects)
  test(`${subject} moves to another address by shares; after abort and promote there is one address and no rest`, async (t) => {
    const road = await openRoad(t, { 'users.js': version('1.3.0') })
    const { instance, turnout, write, until } = road
    const [old, other] = [await startUpstream(t, 'A'), await startUpstream(t, 'B')]
    const run = async (...words: readonly string[]): Promise<string> => {
      const { code, out, err } = await turnout(...words)
      assert.equal(code, 0, out + err)
      return out
    }
    await run('publish', write('shop.yaml', file(old.uri)))
    const before = await tableOf(road)
    const words = [flag, write('moved.yaml', define(other.uri)), '--plan', write('p.yaml', plan)]
    for (const [end, serving, name] of [
      ['abort', old, 'A'],
      ['promote', other, 'B'],
    ] as const) {
      const started = await run('rollout', 'start', ...words)
      assert.match(started, /✓ shop revision \d+ → canary {2}running, 0 % of clients on canary/)
      for (const share of [20, 60]) {
        await until('shop', ({ status, weight }) => status === 'paused' && weight === share)
        await demandShare(t, instance.port, other, share)
        if (share === 20) await run('rollout', 'resume', 'shop')
      }
      const rows = await run('versions')
      assert.match(rows, /^shop(?:-all)? +canary +current +60 % +- +[\d.]+ %/m)
      assert.match(rows, /^shop(?:-all)? +stable +current +40 % +- +[\d.]+ %/m)
      await run('rollout', end, 'shop', '--reason', 'seen enough')
      assert.equal(await tableOf(road), before.replaceAll(old.uri, serving.uri))
      assert.equal((await versionOf(instance.port, '/shop/7')).version, name)
      await demandShare(t, instance.port, other, end === 'promote' ? 100 : 0)
    }
  })
