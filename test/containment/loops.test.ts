import { test } from 'node:test'
import { loops } from './modules.ts'
import { demandContained, startHarm, startLoad } from './support.ts'

for (const harm of loops) {
  test(`${harm.name} harms nobody else, and its module version is named`, async (t) => {
    const instance = await startHarm(t, harm.code)
    const load = startLoad(t, instance)
    await load.more(5)
    await demandContained(instance, load, harm)
  })
}
