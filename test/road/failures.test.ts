import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeFolder, save } from '../hot/support/served.ts'
import { artifactOf, moduleText } from './support/artifact.ts'
import { dataFolder, startInstance, type Answer, type Instance } from './support/instance.ts'
import { besidePlaces, places } from './kill.ts'

const routeTo = (id: string, body: string): object => ({
  id,
  path: `/${id}`,
  target: { respond: { status: 200, body } },
})

const names = [...places, ...besidePlaces.flat()].map(({ name }) => name)
const isOf = (name: string, ...parts: readonly string[]): boolean =>
  parts.some((part) => name.startsWith(part))

/** Those that a single change of an admin client passes before it is published: a failure there may lose nothing. */
const beforePublished = names.filter((name) =>
  isOf(name, 'admin.parsed', 'audit.beforeIntent', 'audit.intent', 'prepare', 'publish', 'store'),
)

const served = async ({ ask, send }: Instance): Promise<readonly unknown[]> => {
  const { digest, revision } = (await send('GET', '/api/status')).body
  const answers = await Promise.all(['/kept', '/live', '/uploaded'].map((path) => ask(path)))
  return [digest, revision, ...answers.map(({ status, text }) => [status, text])]
}

async function start(t: Parameters<typeof makeFolder>[0]): Promise<Instance> {
  const folder = makeFolder(t, { 'live.js': moduleText('live', 1) })
  const instance = await startInstance(t, folder, { data: dataFolder(t, folder) })
  const made = await instance.send('POST', '/api/routes', { body: routeTo('kept', 'first') })
  assert.equal(made.status, 201, made.text)
  const body = { name: 'uploaded', artifact: await artifactOf('uploaded', 1) }
  assert.equal((await instance.send('POST', '/api/modules', { body })).status, 201)
  return instance
}

const isCoded = ({ status, body, text }: Answer): void => {
  assert.ok(status >= 500, text)
  assert.match(body.code, /^TURNOUT_/)
  assert.equal(body.status, status)
  // What the disk said is for the log.
  assert.ok(!/node:|\.js:\d/.test(text), text)
}

const change = ({ send }: Instance, body: string): Promise<Answer> =>
  send('PUT', '/api/routes/kept?force=true', { body: routeTo('kept', body) })

/** A change that passes a failpoint: an edit has nothing to prepare, so there it brings a module along. */
async function changeBy(
  instance: Instance,
  name: string,
  at: number,
  body: string,
): Promise<Answer> {
  if (!isOf(name, 'prepare')) return change(instance, body)
  const module = { name: 'uploaded', artifact: await artifactOf('uploaded', 10 + at) }
  const changes = { routes: { put: [routeTo('kept', body)] }, modules: { put: [module] } }
  return instance.send('POST', '/api/changes?force=true', { body: changes })
}

test('the disk is full at a step before publish: a code, what was served stays, the next change works', async (t) => {
  const instance = await start(t)
  for (const [at, name] of beforePublished.entries()) {
    const before = await served(instance)
    await instance.arm(`${name}@1=error:ENOSPC`)
    const failed = await changeBy(instance, name, at, `lost ${at}`)
    isCoded(failed)
    t.diagnostic(`${name}: ${failed.status} ${failed.body.code}`)
    assert.deepEqual(await served(instance), before, name)
    const next = await change(instance, `next ${at}`)
    assert.equal(next.status, 200, `${name}: ${next.text}`)
    assert.equal(Number(next.headers['turnout-revision']), Number(before[1]) + 1)
    assert.equal((await instance.ask('/kept')).text, `next ${at}`)
  }
  assert.equal(await instance.stop(), 0)
})

test('a failure after publish does not undo it: the answer is an error, the change is there', async (t) => {
  const instance = await start(t)
  await instance.arm('admin.beforeAnswer@1=error:ENOSPC')
  isCoded(await change(instance, 'there'))
  assert.equal((await instance.ask('/kept')).text, 'there')
  assert.equal((await change(instance, 'next')).status, 200)
})

test('the disk is full while an artifact, a token or a checkpoint is written', async (t) => {
  const instance = await start(t)
  const { send, arm } = instance
  for (const [at, name] of names.filter((one) => isOf(one, 'artifact')).entries()) {
    const before = await served(instance)
    const body = { name: 'uploaded', artifact: await artifactOf('uploaded', at + 2) }
    const upload = (): Promise<Answer> => send('POST', '/api/modules?force=true', { body })
    await arm(`${name}@1=error:ENOSPC`)
    isCoded(await upload())
    assert.deepEqual(await served(instance), before, name)
    const again = await upload()
    assert.equal(again.status, 200, `${name}: ${again.text}`)
    assert.equal((await instance.ask('/uploaded')).text, `uploaded ${at + 2}`)
  }
  for (const name of names.filter((one) => isOf(one, 'admin.tokens'))) {
    const token = (): Promise<Answer> =>
      send('POST', '/api/tokens', { body: { name: `of-${name}`, scopes: ['read'] } })
    const before = (await send('GET', '/api/tokens')).text
    await arm(`${name}@1=error:ENOSPC`)
    isCoded(await token())
    assert.equal((await send('GET', '/api/tokens')).text, before)
    const made = await token()
    assert.equal(made.status, 201, made.text)
    const { body } = made
    assert.equal((await send('GET', '/api/status', { token: body.token })).status, 200)
  }
  for (const name of names.filter((one) => isOf(one, 'checkpoint', 'segment', 'inventory'))) {
    await arm(`${name}@1=error:ENOSPC`)
    const reached = instance.next(({ event, name: one }) => event === 'reached' && one === name)
    let isReached = false
    void reached.then(() => (isReached = true))
    for (let at = 0; at < 20; at += 1) {
      const put = Array.from({ length: 200 }, (_, number) => ({
        ...routeTo(`p${number}`, `${name} ${at}`),
        metadata: { pad: 'x'.repeat(16_000) },
      }))
      const { status, text } = await send('POST', '/api/changes?force=true', {
        body: { routes: { put } },
      })
      assert.equal(status, 200, `${name}: ${text.slice(0, 1_000)}`)
      if (isReached) break
    }
    await reached
    assert.equal((await change(instance, name)).status, 200)
    assert.equal((await instance.ask('/kept')).text, name)
  }
  assert.equal(await instance.stop(), 0)
})

test('a step that takes long: the change comes late, requests do not wait', async (t) => {
  const instance = await start(t)
  const slow = names.filter(
    (name) =>
      !isOf(name, 'apply') &&
      isOf(name, 'admin.parsed', 'audit.intent', 'prepare', 'publish', 'store', 'admin.before'),
  )
  for (const [at, name] of slow.entries()) {
    await instance.arm(`${name}@1=sleep:250`)
    const reached = instance.next(({ event }) => event === 'reached')
    const life = { isAnswered: false }
    const late = changeBy(instance, name, at, `late ${at}`).finally(() => (life.isAnswered = true))
    await reached
    assert.equal((await instance.ask('/live')).text, 'live 1')
    assert.equal(life.isAnswered, false, name)
    assert.equal((await late).status, 200, name)
    assert.equal((await instance.ask('/kept')).text, `late ${at}`)
  }
})

test('the disk is full when a file was saved: the old version serves, and the saved one comes by itself', async (t) => {
  const folder = makeFolder(t, { 'live.js': moduleText('live', 1) })
  const instance = await startInstance(t, folder, { data: dataFolder(t, folder) })
  for (const [at, name] of ['artifact.afterWrite', 'store.afterWrite'].entries()) {
    await instance.arm(`${name}@1=error:ENOSPC`)
    const rejected = instance.next(({ event }) => event === 'rejected')
    const applied = instance.next(({ event }) => event === 'applied')
    save(folder, 'live.js', moduleText('live', at + 2))
    await rejected
    assert.equal((await instance.ask('/live')).text, `live ${at + 1}`)
    await applied
    assert.equal((await instance.ask('/live')).text, `live ${at + 2}`)
  }
})
