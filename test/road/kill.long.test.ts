import { test } from 'node:test'
import { besidePlaces, demandServing, killEach, places, told } from './kill.ts'

const seed = Number(process.env['TURNOUT_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

test('kill -9 at every step of a change, 500 times, with 10,000 routes', async (t) => {
  const all = [...places, ...besidePlaces.flat()]
  const which = Array.from({ length: 500 }, (_, at) => all[at % all.length]!)
  const seen = await killEach(t, which, { seed, routes: 10_000, perCopy: 50 })
  t.diagnostic(`seed ${seed}: ${told(seen)}`)
  demandServing(seen)
})
