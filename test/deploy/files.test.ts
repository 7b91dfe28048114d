import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  instructionsOf,
  manifest,
  manifests,
  mebibytes,
  read,
  readYaml,
  seconds,
  unitOf,
  wordsOf,
} from './files.ts'

const image = instructionsOf(read('deploy/Dockerfile'))
const [compose] = readYaml('deploy/compose.yaml')
const service = compose.services.turnout
const unit = unitOf(read('deploy/turnout.service'))
const deployment = manifest('Deployment')
const pod = deployment.spec.template.spec
const [container] = pod.containers
const [config] = readYaml('deploy/kubernetes/config.yaml')
const sizing = read('docs/guide/sizing.md')

/** The drain of `serve`, and what it takes to end a worker that does not answer. */
const drainSeconds = Number(/const drainMs = (\d+)_000/.exec(read('src/cli/run.ts'))?.[1]) + 6

const settingOf = (words: readonly string[], name: string): string =>
  words[words.indexOf(name) + 1]!

test('the image: every stage stands on a Node that is named to its last number, on a slim system', () => {
  const [, tag] = /^NODE=(.+)$/.exec(image.find(({ name }) => name === 'ARG')!.text) ?? []
  assert.match(tag!, /^\d+\.\d+\.\d+-bookworm-slim$/)
  const stages = image.filter(({ name }) => name === 'FROM')
  assert.ok(stages.length > 1)
  for (const { text } of stages) assert.match(text, /^node:\$\{NODE\}( AS \w+)?$/)
})

test('the image: what runs is not root, and no shell stands between it and signals', () => {
  const last = image.slice(image.findLastIndex(({ name }) => name === 'FROM'))
  const user = last.filter(({ name }) => name === 'USER')
  assert.deepEqual(
    user.map(({ text }) => text),
    ['1000:1000'],
  )
  // Nothing is put in its place as root after it.
  const after = last.slice(last.indexOf(user[0]!)).map(({ name }) => name)
  assert.deepEqual(after, ['USER', 'VOLUME', 'EXPOSE', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD'])
  for (const name of ['ENTRYPOINT', 'CMD', 'HEALTHCHECK'])
    assert.ok(wordsOf(image, name).length > 1)
})

test('the image: packages are those of the lock, and none of them runs a script', () => {
  const installs = image.filter(({ text }) => /npm (ci|i|install)\b/.test(text))
  assert.equal(installs.length, 1)
  assert.match(installs[0]!.text, /npm ci .*--omit=dev .*--ignore-scripts/)
})

test('every manifest is of a known kind, in the API that has it', () => {
  const kinds = manifests.flatMap(readYaml).map(({ apiVersion, kind }) => `${apiVersion} ${kind}`)
  assert.deepEqual(kinds.sort(), [
    'apps/v1 Deployment',
    'policy/v1 PodDisruptionBudget',
    'v1 ConfigMap',
    'v1 ConfigMap',
    'v1 Service',
  ])
})

test('what selects pods selects those of the Deployment, and names a port that they have', () => {
  const { labels } = deployment.spec.template.metadata
  for (const selector of [
    deployment.spec.selector.matchLabels,
    manifest('Service').spec.selector,
    manifest('PodDisruptionBudget').spec.selector.matchLabels,
  ])
    assert.deepEqual(selector, labels)
  const names = container.ports.map(({ name }: { readonly name: string }) => name)
  assert.ok(names.includes(manifest('Service').spec.ports[0].targetPort))
  assert.ok(manifest('PodDisruptionBudget').spec.minAvailable < deployment.spec.replicas)
})

test('every mount has its volume, and every ConfigMap that is mounted is there', () => {
  const volumes = new Map(pod.volumes.map((one: { readonly name: string }) => [one.name, one]))
  for (const { name } of container.volumeMounts) assert.ok(volumes.delete(name), name)
  assert.equal(volumes.size, 0)
  for (const { configMap } of pod.volumes)
    if (configMap !== undefined) manifest('ConfigMap', configMap.name)
  const paths = container.volumeMounts.map(
    ({ mountPath }: { readonly mountPath: string }) => mountPath,
  )
  for (const flag of ['--config', '--data'])
    assert.ok(
      paths.some((path: string) => settingOf(container.args, flag).startsWith(`${path}/`)),
      flag,
    )
})

test('nobody may write into what runs, or become more than it is', () => {
  assert.equal(pod.securityContext.runAsNonRoot, true)
  assert.equal(`${pod.securityContext.runAsUser}:${pod.securityContext.runAsGroup}`, '1000:1000')
  assert.equal(container.securityContext.readOnlyRootFilesystem, true)
  assert.equal(container.securityContext.allowPrivilegeEscalation, false)
  assert.deepEqual(container.securityContext.capabilities, { drop: ['ALL'] })
  assert.equal(service.read_only, true)
  assert.deepEqual(service.cap_drop, ['ALL'])
  assert.equal(unit['NoNewPrivileges'], 'yes')
  assert.equal(unit['ProtectSystem'], 'strict')
})

test('each has more time to end than the drain takes', () => {
  const { stopDelayMs } = readConfig()
  const graces: Readonly<Record<string, number>> = {
    compose: seconds(service.stop_grace_period),
    unit: seconds(unit['TimeoutStopSec']!),
    pod: pod.terminationGracePeriodSeconds - stopDelayMs / 1_000,
  }
  for (const [name, grace] of Object.entries(graces)) assert.ok(grace > drainSeconds, name)
  // Long enough for a probe that fails to be seen.
  const { periodSeconds, failureThreshold } = container.readinessProbe
  assert.ok(stopDelayMs / 1_000 > periodSeconds * failureThreshold)
  assert.equal(unit['KillMode'], 'mixed')
})

test('memory: all say the same, it is what the page on sizing says, and what its formula gives', () => {
  const { requests, limits } = container.resources
  const workers = Number(settingOf(container.args, '--workers'))
  assert.equal(workers, Number(service.environment.TURNOUT_WORKERS))
  assert.equal(workers, Number(settingOf(unit['ExecStart']!.split(' '), '--workers')))
  const limit = mebibytes(limits.memory)
  assert.equal(mebibytes(service.mem_limit), limit)
  assert.equal(mebibytes(unit['MemoryMax']!), limit)
  const [, told, asked, most] =
    /(\d+) workers: ask for (\d+) MiB, limit to (\d+) MiB/.exec(sizing) ?? []
  assert.deepEqual([told, asked, most].map(Number), [workers, mebibytes(requests.memory), limit])
  const [, held] = /(\d+) MiB for 2 workers after requests/.exec(sizing) ?? []
  assert.ok(mebibytes(requests.memory) > Number(held))
})

const readConfig = (): { readonly stopDelayMs: number } => {
  const text = config.data['turnout.config.yaml'] as string
  return { stopDelayMs: Number(/^stopDelayMs: (\d+)$/m.exec(text)?.[1]) }
}
