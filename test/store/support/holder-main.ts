// Opens the store of a folder, says `held` or why it could not, and waits to be ended.
import { TurnoutError } from '../../../src/core/errors.ts'
import { openLocalStore } from '../../../src/store/local.ts'

const directory = process.argv[2]!
try {
  await openLocalStore({ directory, onWarning: () => undefined })
  console.log('held')
} catch (error) {
  console.log(error instanceof TurnoutError ? `${error.code} ${error.message}` : String(error))
}
setInterval(() => undefined, 1000)
process.stdin.on('close', () => process.exit()).resume()
