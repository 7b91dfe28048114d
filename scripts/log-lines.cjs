// Loaded by each process of a test run (NODE_OPTIONS): copies the lines of the log that it writes into the folder
// TURNOUT_TEST_LOGS, one file for each process, named after the test file that it runs for.
const { isMainThread } = require('node:worker_threads')
const folder = process.env.TURNOUT_TEST_LOGS

if (isMainThread && folder !== undefined) {
  const fs = require('node:fs')
  const { basename, join } = require('node:path')
  const [, script = ''] = process.argv
  if (script.endsWith('.test.js')) process.env.TURNOUT_TEST_FILE = basename(script, '.js')
  const { write, writeSync } = fs
  let copy = null

  const take = (data) => {
    const text = typeof data === 'string' ? data : Buffer.isBuffer(data) ? data.toString() : ''
    if (!text.startsWith('{"timestamp":')) return
    try {
      const name = `${process.env.TURNOUT_TEST_FILE ?? 'unknown'}.${process.pid}.log`
      copy ??= fs.openSync(join(folder, name), 'a')
      writeSync(copy, text)
    } catch {
      // The run is over, and its folder gone.
    }
  }
  fs.write = (file, data, ...rest) => {
    take(data)
    return write(file, data, ...rest)
  }
  fs.writeSync = (file, data, ...rest) => {
    take(data)
    return writeSync(file, data, ...rest)
  }
}
