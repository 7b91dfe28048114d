import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('watchdog-main.js', import.meta.url))

interface Started {
  readonly child: ChildProcess
  /** Objects that it wrote, in order. */
  readonly said: readonly object[]
  /** The next object of its standard output, or of the pipe that it reports on. */
  readonly next: (from: 'out' | 'report') => Promise<object>
}

function start(t: TestContext, mode: string): Started {
  const child = spawn(process.execPath, [main, mode], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  const lines = {
    out: createInterface(child.stdout!),
    report: createInterface(child.stdio[3] as Readable),
  }
  const said: object[] = []
  lines.out.on('line', (line) => said.push(JSON.parse(line) as object))
  const next: Started['next'] = (from) =>
    new Promise((resolve, reject) => {
      lines[from].once('line', (line) => resolve(JSON.parse(line) as object))
      child.once('close', () => reject(new Error('it ended')))
    })
  return { child, said, next }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('what cannot be broken off is reported, with the module version, while it goes on', async (t) => {
  const { next } = start(t, 'block')
  const { ms, ...rest } = (await next('report')) as { ms: number }
  assert.deepEqual(rest, { kind: 'blocked', module: 'native', version: '1.0.0', digest: 'd1' })
  assert.ok(ms >= 900)
})

test('a process that was stopped for a while is not taken for one that is stuck', async (t) => {
  const { child, said, next } = start(t, 'idle')
  await next('out')
  for (let time = 0; time < 3; time += 1) {
    child.kill('SIGSTOP')
    await pause(1_500)
    child.kill('SIGCONT')
    await pause(700)
  }
  assert.deepEqual(said, [{ pid: child.pid }])
  assert.equal(child.exitCode, null)
})

test('a process whose parent is gone goes too', async (t) => {
  const { child, next } = start(t, 'parent')
  const { child: pid } = (await next('out')) as { child: number }
  t.after(() => isAlive(pid) && process.kill(pid, 'SIGKILL'))
  assert.deepEqual(await next('out'), { pid })
  child.kill('SIGKILL')
  while (isAlive(pid)) await pause(20)
})
