import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, isApplied, isRejected, makeFolder, problemsOf, save } from '../hot/support/served.ts'
import { dataFolder, startInstance } from '../road/support/instance.ts'
import { harmless, loops, others, type Harm } from './modules.ts'

test('the third loop in its probation takes a version back, and its artifact is refused, after a restart too', async (t) => {
  const [{ code }] = loops as readonly [Harm]
  const folder = makeFolder(t, { 'others.js': others, 'harm.js': harmless })
  const data = dataFolder(t, folder)
  const instance = await startInstance(t, folder, { data, words: ['--workers', '1'] })
  const isNew = instance.next(isApplied('harm', '1.1.0'))
  save(folder, 'harm.js', code)
  await isNew
  const isBack = instance.next(isApplied('harm', '1.0.0'))
  for (let time = 1; time <= 3; time += 1)
    assert.equal((await ask(instance.port, '/harm')).status, 504)
  const { revision } = await isBack
  assert.equal((await ask(instance.port, '/harm')).text, 'harmless')
  const { body } = await instance.send('GET', `/api/revisions/${String(revision)}`)
  assert.equal(body.author, 'turnout')
  assert.match(
    body.reason,
    /^harm 1\.1\.0 did harm 3 times in its probation; the last time: it was/,
  )

  const settled = instance.next(isApplied('harm', '1.0.1'))
  save(folder, 'harm.js', harmless.replaceAll('1.0.0', '1.0.1'))
  await settled
  const refused = instance.next(isRejected('harm'))
  save(folder, 'harm.js', code)
  assert.equal(problemsOf(await refused)[0]?.code, 'TURNOUT_ARTIFACT_QUARANTINED')
  assert.equal(await instance.stop(), 0)

  const again = await startInstance(t, folder, { data, words: ['--workers', '1'] })
  const [{ problems }] = again.events.filter(isRejected('harm')) as never as [
    { problems: readonly { code: string }[] },
  ]
  assert.equal(problems[0]?.code, 'TURNOUT_ARTIFACT_QUARANTINED')
  assert.equal((await ask(again.port, '/harm/ok')).text, '1.0.1 ')
})
