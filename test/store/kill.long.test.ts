import { it } from 'node:test'
import { killEverywhere } from './kill.ts'

it('kill -9 at every place of a change, 500 times', async (t) => {
  t.diagnostic(await killEverywhere(500))
})
