import { test } from 'node:test'
import { countTogether } from './counter.ts'

test('8 clients in 2 processes count by compare-and-set, and nothing is lost', async (t) => {
  t.diagnostic(await countTogether(t, 40))
})
