// Writes turnout.schema.json from the schema in src/config/schema.ts. A test fails when it is stale.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, setup } from './setup.mjs'

setup()
const { configJsonSchema } = await import('../dist/src/config/schema.js')
writeFileSync(
  join(root, 'turnout.schema.json'),
  `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`,
)
