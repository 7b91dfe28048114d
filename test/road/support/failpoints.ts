// Loaded before `turnout serve`, with `--import`: kills, fails or slows the process where a change passes a failpoint.
// TURNOUT_TEST_FAILPOINT arms one at the start, the file named by TURNOUT_TEST_FAILPOINT_FILE another at each SIGUSR2:
//
//     NAME@COUNT=kill            the COUNTth time from now on
//     NAME@COUNT=error:CODE      once
//     NAME@COUNT=sleep:MS        once
import { readFileSync, writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { failpoints } from '../../../src/core/failpoint.ts'

const say = (event: string, name: string): void =>
  void writeSync(1, `${JSON.stringify({ event, name })}\n`)

function arm(text: string): void {
  const [, wanted, count, action, value = ''] =
    /^([\w.]+)@(\d+)=(kill|error|sleep)(?::(\w+))?$/.exec(text) ?? []
  if (wanted === undefined) throw new Error(`${text} is no failpoint`)
  let left = Number(count)
  failpoints.reach = (name): void | Promise<void> => {
    if (name !== wanted) return undefined
    left -= 1
    if (left !== 0) return undefined
    say('reached', name)
    if (action === 'kill') process.kill(process.pid, 'SIGKILL')
    if (action === 'error') throw Object.assign(new Error(`${value}: ${name}`), { code: value })
    return delay(Number(value))
  }
  say('armed', wanted)
}

const { TURNOUT_TEST_FAILPOINT: early, TURNOUT_TEST_FAILPOINT_FILE: file } = process.env
if (early) arm(early)
if (file) process.on('SIGUSR2', () => arm(readFileSync(file, 'utf8')))
