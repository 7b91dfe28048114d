import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeFolder } from '../hot/support/served.ts'
import {
  besidePlaces,
  demandServing,
  firstStart,
  killEach,
  namesInSources,
  places,
  told,
} from './kill.ts'
import { dataFolder, startInstance } from './support/instance.ts'

const seed = Number(process.env['TURNOUT_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

test('the list of failpoints is that of the sources', () => {
  const all = [...places, ...besidePlaces.flat(), ...firstStart].map(({ name }) => name)
  const durable = /\.(?:beforeWrite|afterWrite|afterSync|afterRename)$/
  const listed = all.map((name) => (name.startsWith('store.') ? name : name.replace(durable, '')))
  assert.deepEqual(namesInSources(), [...new Set(listed)].sort())
})

test('kill -9 at every step of a change: acknowledged is there, the other wholly or not at all', async (t) => {
  const beside = besidePlaces.map((some, at) => some[(seed + at) % some.length]!)
  const seen = await killEach(t, [...places, ...beside], { seed, routes: 2_000 })
  t.diagnostic(`seed ${seed}: ${told(seen)}`)
  demandServing(seen)
})

test('kill -9 while the first token is made: the next start makes one', async (t) => {
  for (const { name } of firstStart) {
    const folder = makeFolder(t)
    const data = dataFolder(t, folder)
    await assert.rejects(startInstance(t, folder, { data, failpoint: `${name}@1=kill` }), /SIGKILL/)
    const instance = await startInstance(t, folder, { data })
    assert.equal((await instance.send('GET', '/api/status')).status, 200, name)
    assert.equal(await instance.stop(), 0)
  }
})
