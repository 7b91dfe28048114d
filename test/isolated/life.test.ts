import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { startServe } from '../hot/support/served.ts'
import { ask, isAlive, makeFolder, open, until } from './support.ts'
import { other, pidOf, users } from './users.ts'

// Sockets of this file alone.
const temporary = mkdtempSync(join(tmpdir(), 'turnout-life-'))
process.env['TMPDIR'] = temporary
process.once('exit', () => rmSync(temporary, { recursive: true, force: true }))

/** Folders of sockets that are there. */
const socketFolders = (): string[] => readdirSync(temporary)

test('a module that asks for it has a process of its own, the others have not', async (t) => {
  const opened = await open(t, { 'users.js': users(), 'other.js': other })
  const pid = await pidOf(opened)
  assert.notEqual(pid, process.pid)
  assert.equal(await opened.text('/other'), `other ${process.pid}`)
  assert.equal(isAlive(pid), true)
})

test('a config has the last word, both ways', async (t) => {
  const modules = { users: { isolation: 'inline' }, other: { isolation: 'isolated' } } as const
  const opened = await open(t, { 'users.js': users(), 'other.js': other }, { modules })
  assert.equal(await pidOf(opened), process.pid)
  assert.notEqual(await opened.text('/other'), `other ${process.pid}`)
})

test('killed, it is started again, and its state begins anew; others never notice', async (t) => {
  const opened = await open(t, { 'users.js': users(), 'other.js': other })
  const { ask, text, line } = opened
  await text('/count')
  await text('/count')
  const pid = await pidOf(opened)
  const inside = ask('/slow?ms=60000')
  // It is inside when a later one has been answered.
  await text('/version')
  process.kill(pid, 'SIGKILL')
  const { status, text: body } = await inside
  assert.equal(status, 502)
  // Sent once more on another connection, it finds nobody there.
  assert.match(body, /TURNOUT_UPSTREAM_(?:CLOSED|UNREACHABLE)/)
  const { fields } = await line('the process of an isolated module died')
  assert.equal(fields['reason'], 'it was ended by SIGKILL')
  assert.equal(await text('/other'), `other ${process.pid}`)
  let answer = ''
  while (answer !== '1') {
    answer = await text('/count')
    assert.match(answer, /^(1|502|503)$/)
  }
  assert.notEqual(await pidOf(opened), pid)
})

test('an exit of its own costs it alone', async (t) => {
  const opened = await open(t, { 'users.js': users(), 'other.js': other })
  const pid = await pidOf(opened)
  assert.equal((await opened.ask('/exit')).status, 502)
  assert.equal(await opened.text('/other'), `other ${process.pid}`)
  const { fields } = await opened.line('the process of an isolated module died')
  assert.equal(fields['reason'], 'it exited with code 3')
  let answer = ''
  while (answer !== '1.0.0') answer = await opened.text('/version')
  assert.notEqual(await pidOf(opened), pid)
})

test('in an endless loop, others are served, its deadline is kept, and it is replaced', async (t) => {
  const modules = { users: { upstream: { timeouts: { headersMs: 500 } } } }
  const opened = await open(t, { 'users.js': users(), 'other.js': other }, { modules })
  const pid = await pidOf(opened)
  const stopped = new AbortController()
  let others = 0
  const client = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      assert.equal(await opened.text('/other'), `other ${process.pid}`)
      others += 1
    }
  }
  const serving = client()
  const { status, text } = await opened.ask('/loop')
  assert.equal(status, 504)
  assert.match(text, /TURNOUT_UPSTREAM_TIMEOUT/)
  const { fields } = await opened.line('the process of an isolated module died')
  assert.equal(fields['reason'], 'it has not answered for 5 s')
  assert.equal(isAlive(pid), false)
  let answer = ''
  while (answer !== '1.0.0') answer = await opened.text('/version')
  stopped.abort()
  await serving
  assert.ok(others > 10)
})

test('past its memory it is drained and replaced, with its state; its exchanges end', async (t) => {
  const opened = await open(t, { 'users.js': users({ memoryMb: 150 }) })
  await opened.text('/count')
  const pid = await pidOf(opened)
  const inside = opened.ask('/slow?ms=3000')
  await opened.text('/version')
  assert.equal(await opened.text('/keep?mb=120'), 'kept')
  const { fields } = await opened.line('an isolated module is past its memory, and is replaced')
  assert.equal(fields['pid'], pid)
  const answer = await inside
  assert.equal(`${answer.status} ${answer.text}`, '200 1.0.0')
  await until(() => !isAlive(pid))
  assert.notEqual(await pidOf(opened), pid)
  assert.equal(await opened.text('/count'), '2')
})

test('a heap past its cap ends that process alone', async (t) => {
  const text = users({
    memoryMb: 128,
    rest: `routes.get('/heap', () => { const all = []; for (;;) all.push({ at: all.length, text: 'x' + all.length }) })`,
  })
  const opened = await open(t, { 'users.js': text, 'other.js': other })
  assert.equal((await opened.ask('/heap')).status, 502)
  assert.equal(await opened.text('/other'), `other ${process.pid}`)
  await opened.line('the process of an isolated module died')
})

test('closed, no process and no socket is left', async (t) => {
  const opened = await open(t, { 'users.js': users() })
  const pid = await pidOf(opened)
  const [folder = '', ...others] = socketFolders()
  assert.equal(others.length, 0)
  assert.equal(statSync(join(temporary, folder)).mode & 0o777, 0o700)
  await opened.turnout.close(1_000)
  assert.equal(isAlive(pid), false)
  assert.deepEqual(socketFolders(), [])
  assert.equal(opened.lines.filter(({ level }) => level === 'error').length, 0)
})

for (const [name, path] of [
  ['idle', '/version'],
  ['in an endless loop', '/loop'],
] as const) {
  test(`${name}, it ends with the worker that is killed`, async (t) => {
    const words = ['--workers', '0']
    const server = await startServe(t, makeFolder(t, { 'users.js': users() }), { words })
    const { text } = await ask(server.port, '/pid')
    const pid = Number(text)
    assert.ok(isAlive(pid))
    const asked = request({ port: server.port, path, agent: false })
    asked.on('error', () => undefined).on('response', (response) => response.resume())
    asked.end()
    await pause(200)
    process.kill(server.pid, 'SIGKILL')
    await until(() => !isAlive(pid))
    await until(() => socketFolders().length === 0)
  })
}

for (const workers of ['0', '2']) {
  test(`with ${workers} workers, told to stop with the whole group, it serves until what is inside has ended`, async (t) => {
    const rest = `
    routes.get('/service', (c) => c.text(services.where.name + ' ' + (services.where.pid === process.pid)))
    onDispose(() => log.error('disposed of'))
  `
    const folder = makeFolder(t, {
      'users.js': users({ rest }),
      'turnout.config.js': `export default {
      services: { where: { open: () => ({ name: 'opened', pid: process.pid }) } },
    }`,
    })
    const server = await startServe(t, folder, { words: ['--workers', workers] })
    const { port } = server
    assert.equal((await ask(port, '/service')).text, 'opened true')
    // Each worker has one of its own.
    const pids = new Set<number>()
    while (pids.size < Math.max(1, Number(workers)))
      pids.add(Number((await ask(port, '/pid')).text))
    const sign = join(folder, 'sign.txt')
    const late = ask(port, `/late?until=${encodeURIComponent(sign)}`)
    await ask(port, '/version')
    // As a terminal or a service manager does it: everybody is told.
    for (const pid of pids) {
      process.kill(pid, 'SIGTERM')
      process.kill(pid, 'SIGINT')
    }
    process.kill(server.pid, 'SIGTERM')
    await pause(300)
    writeFileSync(sign, '')
    const { status, text } = await late
    assert.equal(`${status} ${text}`, '200 1.0.0')
    assert.equal(await server.ended, 0)
    for (const pid of pids) assert.equal(isAlive(pid), false)
    assert.deepEqual(socketFolders(), [])
  })
}
