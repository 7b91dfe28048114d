import assert from 'node:assert/strict'
import { it } from 'node:test'
import { losePower } from './power-loss.ts'

const why = 'needs root, loop devices and mkfs.ext4'

it('power loss: acknowledged is there, nothing is half', async (t) => {
  const seen = await losePower({ cuts: 20 })
  if (seen === null) t.skip(`20 cuts left out: ${why}`)
  else t.diagnostic(seen)
})

it('power loss without syncs is found out by the same test', async (t) => {
  const lost = await losePower({ cuts: 5, noSync: true }).catch(String)
  if (lost === null) t.skip(`5 cuts left out: ${why}`)
  else {
    assert.match(lost, /was acknowledged|is gone|TURNOUT_STORE_DAMAGED/, lost)
    t.diagnostic(lost)
  }
})
