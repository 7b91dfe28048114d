import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ask, isApplied, isRejected, problemsOf, save } from '../hot/support/served.ts'
import { harmless, loopingLoad, loops, others } from './modules.ts'
import { demandContained, isOffence, openFolder, startHarm, startLoad } from './support.ts'

for (const harm of loops) {
  test(`${harm.name} harms nobody else, and its module version is named`, async (t) => {
    const instance = await startHarm(t, harm.code)
    const load = startLoad(t, instance)
    await load.more(5)
    await demandContained(instance, load, harm)
  })
}

test('what the same module serves beside a loop is served', async (t) => {
  const afterAwait = loops.at(-1)
  const instance = await startHarm(t, afterAwait!.code)
  const beside = [ask(instance.port, '/harm/slow'), ask(instance.port, '/harm/slow')]
  const [offender, ...rest] = await Promise.all([ask(instance.port, '/harm'), ...beside])
  assert.deepEqual([offender?.status, ...rest.map(({ text }) => text)], [504, 'slow', 'slow'])
})

const waiting = `import { Worker } from 'node:worker_threads'
export default {
  version: '1.1.0',
  register(routes) {
    routes.get('/harm/burn', (c) => { new Worker('for (;;);', { eval: true }); return c.text('') })
    routes.get('/harm', (c) => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500)
      return c.text('done')
    })
  },
}
`

test('what comes in the turn of a loop, and is broken off as well, is answered and named', async (t) => {
  const instance = await startHarm(t, waiting)
  // A process that uses no processor is not stuck.
  await ask(instance.port, '/harm/burn')
  const answers = await Promise.all([1, 2, 3].map(() => ask(instance.port, '/harm')))
  const stuck = answers.filter(({ status }) => status === 504).length
  assert.ok(stuck >= 2, `${stuck} were broken off`)
  const named = (): number =>
    instance.events
      .filter((event) => isOffence(event) && event['exchange'] !== null)
      .reduce((sum, { count }) => sum + Number(count), 0)
  for (let left = 100; left > 0 && named() < stuck; left -= 1) await delay(50)
  assert.equal(named(), stuck)
})

test('a loop in a load refuses the load, and the next change goes live', async (t) => {
  const { instance, folder } = await openFolder(t, { 'others.js': others, 'harm.js': harmless })
  const load = startLoad(t, instance)
  const refused = instance.next(isRejected('harm'))
  save(folder, 'harm.js', loopingLoad)
  assert.equal(problemsOf(await refused)[0]?.code, 'TURNOUT_HANDLER_STUCK')
  assert.equal((await ask(instance.port, '/harm')).text, 'harmless')
  const applied = instance.next(isApplied('harm', '1.0.1'))
  save(folder, 'harm.js', harmless.replaceAll('1.0.0', '1.0.1'))
  await applied
  await load.more(5)
  assert.deepEqual([...load.statuses.keys()], [200])
})
