// `npm start`: a fresh clone serves the example. Arguments go to `turnout serve`.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root, setup } from './setup.mjs'

setup()
const main = join(root, 'dist/src/cli/main.js')
process.argv = [
  process.execPath,
  main,
  'serve',
  join(root, 'examples/hello'),
  ...process.argv.slice(2),
]
await import(pathToFileURL(main).href)
