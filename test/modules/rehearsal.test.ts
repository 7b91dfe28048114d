import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { childEnvironment } from '../../src/modules/rehearsal-child.ts'
import { createRehearsal } from '../../src/modules/rehearsal.ts'
import { openWorkspace } from './support/workspace.ts'

const workspace = openWorkspace()
const inspector = {
  module: new URL('support/inspector.js', import.meta.url),
  export: 'inspect',
}
const rehearsal = createRehearsal({ inspector, timeoutMs: 400 })
after(async () => {
  await rehearsal.close()
  await workspace.close()
})

let files = 0
async function rehearse(source: string, context: unknown = null, pool = rehearsal) {
  files += 1
  const name = `m${files}.ts`
  workspace.write({ [name]: source })
  return pool.rehearse(await workspace.artifact(name), workspace.path(name), context)
}

async function problemOf(source: string) {
  const outcome = await rehearse(source)
  assert.ok(!outcome.ok)
  return outcome.problem
}

/** The child that ran this, by a module that tells its process id. */
async function childOf(source: string): Promise<unknown> {
  const outcome = await rehearse(`${source}\nexport default () => process.pid`)
  if (!outcome.ok) assert.fail(JSON.stringify(outcome.problem))
  return outcome.result
}

const isAlive = (id: unknown): boolean => {
  try {
    return process.kill(Number(id), 0)
  } catch {
    return false
  }
}

/** Waits until a process has ended; one that never does fails the test by its runner's timeout. */
async function gone(id: unknown): Promise<void> {
  while (isAlive(id)) await wait(10)
}

test('the inspector sees exports and context, and its result comes back', async () => {
  const outcome = await rehearse(
    'await null\nexport default (given: { a: number }) => ({ given, ok: true })',
    { a: 1 },
  )
  assert.deepEqual(outcome, { ok: true, result: { given: { a: 1 }, ok: true } })
})

for (const [where, source, reason] of [
  ['an endless loop at import', 'for (;;) {}', /import is in an endless loop/],
  [
    'an endless loop in register',
    'export default () => { for (;;) {} }',
    /register step is in an endless loop/,
  ],
  ['an endless chain of microtasks', 'for (;;) await null', /endless loop/],
  ['an import that never settles', 'await new Promise(() => {})', /import waits/],
  [
    'a register that never settles',
    'export default () => new Promise(() => {})',
    /register step waits/,
  ],
] as const) {
  test(`${where} is stopped at the deadline while this process goes on`, async () => {
    let turns = 0
    const ticker = setInterval(() => (turns += 1), 10)
    const problem = await problemOf(source)
    clearInterval(ticker)
    assert.equal(problem.code, 'TURNOUT_MODULE_LOAD_TIMEOUT')
    assert.match(problem.message, reason)
    assert.ok(turns > 5, `the event loop turned ${turns} times`)
  })
}

for (const [what, source, reason, output] of [
  [
    'process.exit',
    'console.error("going down")\nprocess.exit(3)',
    /exited with code 3/,
    /going down/,
  ],
  ['process.abort', 'process.abort()', /SIGABRT/, undefined],
  [
    'a signal to itself',
    'process.kill(process.pid, "SIGTERM"); await new Promise(() => {})',
    /SIGTERM/,
    undefined,
  ],
  [
    'a throw in a timer',
    'setTimeout(() => { throw new Error("late") }, 1)\nawait new Promise(() => {})',
    /exited with code 1/,
    /Error: late\n\s+at .*m\d+\.ts:1:26/,
  ],
  [
    'a rejection that nobody handles',
    'void Promise.reject(new Error("lost"))\nawait new Promise(() => {})',
    /exited with code 1/,
    /lost/,
  ],
] as const) {
  test(`${what} at import ends the child only, and its last output is told`, async () => {
    const problem = await problemOf(source)
    assert.equal(problem.code, 'TURNOUT_MODULE_CRASHED')
    assert.match(problem.message, reason)
    if (output !== undefined) assert.match(problem.stack ?? '', output)
  })
}

for (const [step, source] of [
  ['import', '\nthrow new Error("no")'],
  ['register', '\nexport default () => { throw new Error("no") }'],
] as const) {
  test(`a throw at ${step} comes back with its place`, async () => {
    const problem = await problemOf(source)
    assert.equal(problem.code, 'TURNOUT_MODULE_LOAD_FAILED')
    assert.match(problem.message, /Error: no/)
    assert.equal(problem.place?.line, 2)
    assert.match(problem.stack ?? '', /m\d+\.ts:2:/)
  })
}

test('a result that is not JSON is a problem', async () => {
  const problem = await problemOf('export default () => ({ big: 1n })')
  assert.equal(problem.code, 'TURNOUT_MODULE_LOAD_FAILED')
  assert.match(problem.message, /BigInt/)
})

test('a clean child is used again', async () => {
  const first = await childOf('console.log("printed")\nnew CompressionStream("gzip")')
  assert.equal(
    await childOf('setTimeout(() => {}, 0); await new Promise((r) => setTimeout(r, 5))'),
    first,
  )
  assert.equal(
    await childOf('process.send?.({ kind: "mine" }); process.send?.(null as never)'),
    first,
  )
})

for (const [what, source] of [
  ['a timer', 'setInterval(() => {}, 1000)'],
  [
    'a server',
    'import { createServer } from "node:net"\nconst s = createServer().listen(0); await new Promise((r) => s.on("listening", r))',
  ],
  ['a global', 'Object.assign(globalThis, { leaked: 1 })'],
  ['a changed global', 'globalThis.fetch = (async () => {}) as never'],
  ['a changed prototype', 'Object.assign(Array.prototype, { last: 1 })'],
  ['a listener of the process', 'process.on("SIGUSR2", () => {})'],
  ['an environment variable', 'process.env.LEAKED = "1"'],
  ['another folder', 'process.chdir("/")'],
] as const) {
  test(`a child left with ${what} is not used again`, async () => {
    const spoiled = await childOf(source)
    assert.notEqual(await childOf(''), spoiled)
    await gone(spoiled)
  })
}

test('what a module prints is not mixed into our output', async () => {
  const outcome = await rehearse('process.stdout.write("x".repeat(300_000))\nexport default 1')
  assert.deepEqual(outcome, { ok: true, result: 1 })
})

test('many at once take turns on two children', async () => {
  const outcomes = await Promise.all(
    Array.from({ length: 8 }, () => rehearse('export default () => process.pid')),
  )
  const ids = outcomes.map((outcome) => (outcome.ok ? outcome.result : outcome.problem))
  assert.ok(new Set(ids).size <= 2, String(ids))
})

test('an idle child ends, and close leaves none behind', async () => {
  const pool = createRehearsal({ inspector, idleMs: 30 })
  const first = await rehearse('export default () => process.pid', null, pool)
  assert.ok(first.ok)
  await gone(first.result)
  pool.warm()
  const second = await rehearse('export default () => process.pid', null, pool)
  assert.ok(second.ok)
  const running = rehearse('for (;;) {}', null, pool)
  await wait(50)
  await pool.close()
  assert.equal(isAlive(second.result), false)
  const ended = await running
  assert.ok(!ended.ok)
  assert.equal(ended.problem.code, 'TURNOUT_MODULE_CRASHED')
  assert.ok(!(await rehearse('export default 1', null, pool)).ok)
})

test('idle children neither keep their parent alive nor outlive it, nor do looping ones', async () => {
  workspace.write({
    'idle.ts': 'export default () => process.pid',
    'loop.ts': 'process.stderr.write("x"); export default () => { for (;;) {} }',
  })
  const [idle, loop] = [await workspace.artifact('idle.ts'), await workspace.artifact('loop.ts')]
  const parent = spawn(process.execPath, ['--input-type=module', '-'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const href = new URL('../../src/modules/rehearsal.js', import.meta.url).href
  parent.stdin.end(`import { createRehearsal } from ${JSON.stringify(href)}
const inspector = { module: new URL(${JSON.stringify(inspector.module.href)}), export: 'inspect' }
const pool = createRehearsal({ inspector, timeoutMs: 300 })
console.log((await pool.rehearse(${JSON.stringify(idle)}, '/idle.ts')).result)
const second = createRehearsal({ inspector, timeoutMs: 300 })
console.log((await second.rehearse(${JSON.stringify(idle)}, '/idle.ts')).result)
void second.rehearse(${JSON.stringify(loop)}, '/loop.ts')
setTimeout(() => process.exit(0), 100)
`)
  let printed = ''
  parent.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
  await once(parent, 'close')
  const [resting, looping] = printed.trim().split('\n')
  await gone(resting)
  await gone(looping)
})

for (const [given, expected] of [
  ['--inspect', ''],
  ['--inspect-brk=9230 --max-old-space-size=64', '--max-old-space-size=64'],
  ['--inspect-port 9000 --require "/a b/c.js"', '--require "/a b/c.js"'],
  ['--enable-source-maps --inspect=0.0.0.0:1', '--enable-source-maps'],
] as const) {
  test(`NODE_OPTIONS ${given} reaches a child as '${expected}'`, () => {
    assert.deepEqual(childEnvironment({ A: '1', NODE_OPTIONS: given }), {
      A: '1',
      NODE_OPTIONS: expected,
    })
  })
}
