import { it } from 'node:test'
import { killEverywhere } from './kill.ts'

it('kill -9 at every place of a change: acknowledged is there, nothing is half', async (t) => {
  t.diagnostic(await killEverywhere(60))
})
