import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { begin, bodyOf, exchange, last, more } from './wire.ts'

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

const stray = `import process from 'node:process'
const never = () => { throw new Error('a trap') }
const thrown = {
  error: () => new Error('stray'),
  undefined: () => undefined,
  bare: () => Object.create(null),
  proxy: () => new Proxy({}, { get: never, getPrototypeOf: never }),
  stack: () => Object.defineProperty(new Error('x'), 'stack', { get: never }),
}
setInterval(() => undefined, 1000)
export default {
  register(routes) {
    routes.get('/', (c) => c.text('ok'))
    routes.get('/never', (c) => c.stream(async function* () { yield 'one'; await new Promise(() => undefined) }))
    routes.get('/log', (c) => {
      console.log('x'.repeat(100000))
      console.error('x'.repeat(100000))
      return c.text('logged')
    })
    routes.get('/throw/:what', (c) => {
      setTimeout(() => { throw thrown[c.param('what')]() }, 0)
      return c.text('armed')
    })
    routes.get('/reject/:what', (c) => {
      void Promise.reject(thrown[c.param('what')]())
      return c.text('armed')
    })
  },
}
`

interface Running {
  readonly child: ChildProcess
  readonly port: number
  readonly log: () => string
  readonly ended: Promise<number | null>
}

/** A `turnout serve` of one module, in a process of its own. */
const start = async (t: Pick<TestContext, 'after'>): Promise<Running> => {
  const folder = mkdtempSync(join(tmpdir(), 'turnout-attack-'))
  writeFileSync(join(folder, 'stray.js'), stray)
  const child = spawn(process.execPath, [main, 'serve', folder, '--port', '0', '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true, force: true })
  })
  let log = ''
  child.stderr.on('data', (part: Buffer) => {
    log += part.toString()
  })
  const port = await new Promise<number>((resolve) => {
    let out = ''
    child.stdout.on('data', (part: Buffer) => {
      out += part.toString()
      const found = /"http:\/\/[^"]*:(\d+)"/.exec(out)
      if (found !== null) resolve(Number(found[1]))
    })
  })
  return { child, port, log: () => log, ended }
}

const isOk = async (port: number): Promise<boolean> =>
  bodyOf(await exchange(port, last('/'))) === 'ok'

describe('what a module throws outside of any request leaves the process serving', () => {
  test('and the log names the file of its author', { timeout: 60_000 }, async (t) => {
    const { port, child, ended, log } = await start(t)
    for (const what of ['error', 'undefined', 'bare', 'proxy', 'stack']) {
      for (const how of ['throw', 'reject']) {
        assert.equal(bodyOf(await exchange(port, last(`/${how}/${what}`))), 'armed')
        assert.ok(await isOk(port), `${how} ${what}`)
      }
    }
    child.kill('SIGTERM')
    assert.equal(await ended, 0)
    assert.match(log(), /a module was contained/)
    assert.match(log(), /stray\.js:\d+:\d+/)
  })
})

test('who reads the output may go: the process serves on', { timeout: 60_000 }, async (t) => {
  const { port, child, ended } = await start(t)
  child.stdout!.destroy()
  for (let time = 0; time < 3; time += 1) {
    assert.equal(bodyOf(await exchange(port, last('/log'))), 'logged')
  }
  child.stderr!.destroy()
  for (let time = 0; time < 3; time += 1) {
    assert.equal(bodyOf(await exchange(port, last('/log'))), 'logged')
  }
  child.kill('SIGTERM')
  assert.equal(await ended, 0)
})

test('the second signal ends what will not end', { timeout: 60_000 }, async (t) => {
  const { port, child, ended } = await start(t)
  const socket = await begin(port, more('/never'), true)
  t.after(() => socket.destroy())
  child.kill('SIGINT')
  // Closed to new connections: the first signal has been taken.
  while ((await exchange(port, last('/'))) !== '') continue
  child.kill('SIGINT')
  assert.equal(await ended, 1)
})
