import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { root } from '../docs/root.ts'
import { instructionsOf, manifest, read, readYaml, seconds, unitOf, wordsOf } from './files.ts'
import {
  ask,
  makeHome,
  mountConfigMap,
  run,
  swapConfigMap,
  until,
  type Home,
  type Running,
  type Volume,
} from './run.ts'

const slow = `export default {
  register(routes) {
    routes.get('/slow', async (c) => {
      await new Promise((resume) => setTimeout(resume, 500))
      return c.text('done\\n')
    })
  },
}
`
const image = instructionsOf(read('deploy/Dockerfile'))
const entry = wordsOf(image, 'ENTRYPOINT')
const [compose] = readYaml('deploy/compose.yaml')
const unit = unitOf(read('deploy/turnout.service'))
const pod = manifest('Deployment').spec.template.spec
const [container] = pod.containers
const routes: Readonly<Record<string, string>> = manifest('ConfigMap', 'turnout-routes').data
const config: Readonly<Record<string, string>> = manifest('ConfigMap', 'turnout-config').data

interface Deployment {
  readonly words: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly graceSeconds: number
  /** Where its data is mounted, or is made for it. */
  readonly volume: Volume
  /** Puts its files where they are mounted. */
  readonly mount: (home: Home) => void
  readonly greeting: string
}

const mountFolder =
  (path: string) =>
  ({ at }: Home): void => {
    mkdirSync(at(path), { recursive: true })
    cpSync(fileURLToPath(new URL('examples/hello', root)), at(path), { recursive: true })
    writeFileSync(join(at(path), 'slow.js'), slow)
  }

const shared = { path: '/data', mode: 0o2777 }

const deployments: Readonly<Record<string, Deployment>> = {
  'the image': {
    words: [...entry, ...wordsOf(image, 'CMD')],
    // Of `docker stop`, where nothing else is said.
    graceSeconds: 10,
    environment: { TURNOUT_WORKERS: '1' },
    volume: shared,
    mount: mountFolder('/app/routes'),
    greeting: 'Hello, you!\n',
  },
  'the Compose file': {
    words: [...entry, ...(compose.services.turnout.command ?? wordsOf(image, 'CMD'))],
    environment: compose.services.turnout.environment,
    volume: shared,
    graceSeconds: seconds(compose.services.turnout.stop_grace_period),
    mount: mountFolder('/app/routes'),
    greeting: 'Hello, you!\n',
  },
  'the unit': {
    words: unit['ExecStart']!.split(' '),
    volume: {
      path: `/var/lib/${unit['StateDirectory']}`,
      mode: Number.parseInt(unit['StateDirectoryMode']!, 8),
    },
    graceSeconds: seconds(unit['TimeoutStopSec']!),
    mount: mountFolder('/opt/turnout/routes'),
    greeting: 'Hello, you!\n',
  },
  'the pod': {
    words: [...entry, ...container.args],
    volume: {
      ...shared,
      path: container.volumeMounts.find((one: { readonly name: string }) => one.name === 'data')
        .mountPath,
    },
    graceSeconds: pod.terminationGracePeriodSeconds,
    mount: ({ at }) => {
      mountConfigMap(at('/app/routes'), { ...routes, 'slow.js': slow }, '2026_01')
      mountConfigMap(at('/etc/turnout'), config, '2026_01')
    },
    greeting: 'Hello, you!\n',
  },
}

const started = async (
  t: TestContext,
  { words, environment, mount, volume }: Deployment,
): Promise<Running & { readonly home: Home }> => {
  const home = makeHome(t)
  mount(home)
  return { ...(await run(t, home, words, volume, environment)), home }
}

/** Sends what a balancer would: nothing more from when its probe has failed as often as the manifest has it. */
async function sendUntilUnready({ port, healthPort }: Running): Promise<readonly number[]> {
  const { httpGet, periodSeconds, failureThreshold } = container.readinessProbe
  const statuses: number[] = []
  const balancer = { isReady: true }
  const client = async (): Promise<void> => {
    while (balancer.isReady) {
      statuses.push((await ask(port, '/hello/you')).status)
      await delay(5)
    }
  }
  const clients = [client(), client()]
  for (let failures = 0; failures < failureThreshold;) {
    await delay(periodSeconds * 1_000)
    failures = (await ask(healthPort, httpGet.path)).status === 200 ? 0 : failures + 1
  }
  balancer.isReady = false
  await Promise.all(clients)
  return statuses
}

for (const [name, deployment] of Object.entries(deployments)) {
  test(`${name}: its command serves, and ends with 0 within its grace period while it is asked`, async (t) => {
    const running = await started(t, deployment)
    assert.deepEqual(await ask(running.port, '/hello/you'), {
      status: 200,
      text: deployment.greeting,
    })
    const inFlight = Array.from({ length: 8 }, () => ask(running.port, '/slow'))
    // They are in a handler by the time of the signal.
    await delay(200)
    const code = await running.stop(deployment.graceSeconds)
    for (const { status, text } of await Promise.all(inFlight))
      assert.deepEqual({ status, text }, { status: 200, text: 'done\n' })
    assert.equal(code, 0, running.said())
  })
}

test('the pod: its probes answer as they are written, and no request of a balancer that obeys them is lost', async (t) => {
  const running = await started(t, deployments['the pod']!)
  const ports = Object.fromEntries(
    container.ports.map((one: { name: string; containerPort: number }) => [one.name, one]),
  )
  for (const name of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
    const { path, port } = container[name].httpGet
    assert.ok(container.args.includes(`0.0.0.0:${ports[port].containerPort}`), name)
    assert.equal((await ask(running.healthPort, path)).status, 200, name)
  }
  const sent = sendUntilUnready(running)
  await delay(200)
  const stopped = running.stop(deployments['the pod']!.graceSeconds)
  const statuses = await sent
  // It is alive for as long as it drains, or it would be killed for it.
  assert.equal((await ask(running.healthPort, container.livenessProbe.httpGet.path)).status, 200)
  assert.equal(await stopped, 0, running.said())
  assert.ok(statuses.length > 100, String(statuses.length))
  assert.deepEqual([...new Set(statuses)], [200])
})

test('the pod: a ConfigMap that is changed is served, also when it is changed again', async (t) => {
  const { home, port } = await started(t, deployments['the pod']!)
  const folder = home.at('/app/routes')
  let before = '2026_01'
  for (const [greeting, version, stamp] of [
    ['Good morning', '1.1.0', '2026_02'],
    ['Good evening', '1.2.0', '2026_03'],
  ] as const) {
    const text = routes['hello.ts']!.replace('Hello', greeting).replace('1.0.0', version)
    swapConfigMap(folder, { 'hello.ts': text, 'slow.js': slow }, before, stamp)
    before = stamp
    await until(port, '/hello/you', (asked) => asked.text === `${greeting}, you!\n`)
  }
})

test('the image: its health check tells who serves from who does not', async (t) => {
  const running = await started(t, deployments['the image']!)
  const [, ...words] = wordsOf(image, 'HEALTHCHECK')
  const check = (): number | null => {
    const placed = words.map((word) => word.replace('7071', String(running.healthPort)))
    return spawnSync(process.execPath, placed, { timeout: 30_000 }).status
  }
  assert.equal(check(), 0)
  assert.equal(await running.stop(10), 0)
  assert.equal(check(), 1)
})

test('the unit: systemd finds nothing wrong with it', (t) => {
  const found = spawnSync('systemd-analyze', ['--version'])
  if (found.status !== 0) return t.skip('systemd-analyze is not installed')
  const { at, folder } = makeHome(t)
  const placed = read('deploy/turnout.service').replace('/usr/bin/node', process.execPath)
  const file = join(folder, 'turnout.service')
  assert.ok(at('/opt/turnout').startsWith(folder))
  writeFileSync(file, placed)
  const { status, stderr, stdout } = spawnSync('systemd-analyze', ['verify', file], {
    encoding: 'utf8',
  })
  // It also tells of other units of the machine.
  const told = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('turnout.service'))
  assert.deepEqual(told, [])
  assert.equal(status, 0, stderr)
})
