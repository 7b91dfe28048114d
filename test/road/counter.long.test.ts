import { test } from 'node:test'
import { countTogether } from './counter.ts'

test('8 clients in 2 processes, 1,250 compare-and-set increments each: 10,000', async (t) => {
  t.diagnostic(await countTogether(t, 1_250))
})
