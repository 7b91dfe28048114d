import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backEnds, openBackEnd } from './support/back-ends.ts'
import { askRaw, get } from './support/client.ts'
import { openProxy, route, upstream } from './support/proxy.ts'
import { openRecording } from './support/recording.ts'
import { answerMarked, rows, runTable } from './table/run.ts'

for (const name of Object.keys(backEnds)) {
  test(`${rows.length} requests with ${name} behind: it makes of each what was accepted, and nothing else`, async (t) => {
    const recording = await openRecording(t, { answer: answerMarked })
    const port = await openBackEnd(t, name, recording.port)
    if (port === null) return t.skip(`${name} is not installed`)
    const proxy = await openProxy(
      t,
      [route('/*rest', 'one')],
      [upstream('one', [`http://127.0.0.1:${port}`], { outlier: false })],
    )
    const told = await runTable(proxy.port, recording, true)
    t.diagnostic(
      `${told.forwarded} forwarded, ${told.refused} refused, ${told.refusedBehind} of them by ${name}`,
    )
    assert.ok(told.forwarded > 2_000)
    assert.deepEqual(told.wrong.slice(0, 40), [])
    assert.deepEqual(recording.faults, [])
    assert.deepEqual(proxy.errors, [])
    await proxy.quiet()
    for (let number = 0; number < 20; number += 1)
      assert.equal((await askRaw(proxy.port, get(`/${number}`))).body, 'ok')
  })
}
