import { it } from 'node:test'
import { losePower } from './power-loss.ts'

it('power loss, 100 cuts: acknowledged is there, nothing is half', async (t) => {
  const seen = await losePower({ cuts: 100 })
  if (seen === null) t.skip('100 cuts left out: needs root, loop devices and mkfs.ext4')
  else t.diagnostic(seen)
})
