import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from '../../src/core/logger.ts'
import { ModuleScope } from '../../src/modules/scope.ts'

const open = (): { scope: ModuleScope; lines: string[] } => {
  const lines: string[] = []
  const write = (message: string, fields?: object): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`)
  }
  const log: Logger = { debug: write, info: write, warn: write, error: write }
  return { scope: new ModuleScope(log), lines }
}

test('close gives everything back: signal, timers, listeners, disposers last first', async () => {
  const { scope } = open()
  const view = scope.view(undefined, {})
  const emitter = new EventEmitter()
  const order: string[] = []
  let fired = 0
  view.setInterval(() => (fired += 1), 1)
  view.setTimeout(() => (fired += 1), 1)
  view.on(emitter, 'tick', () => (fired += 1))
  view.onDispose(() => void order.push('first'))
  view.onDispose(async () => {
    await wait(1)
    order.push('second')
  })
  assert.deepEqual(scope.size, { timers: 2, listeners: 1 })
  await scope.close()
  emitter.emit('tick')
  await wait(10)
  assert.equal(fired, 0)
  assert.deepEqual(order, ['second', 'first'])
  assert.equal(view.signal.aborted, true)
  assert.deepEqual(scope.size, { timers: 0, listeners: 0 })
  assert.equal(emitter.listenerCount('tick'), 0)
})

test('what is made after close is given back at once', async () => {
  const { scope } = open()
  const view = scope.view(undefined, {})
  await scope.close()
  const emitter = new EventEmitter()
  view.setInterval(() => undefined, 1)
  view.on(emitter, 'tick', () => undefined)
  assert.deepEqual(scope.size, { timers: 0, listeners: 0 })
  assert.equal(emitter.listenerCount('tick'), 0)
})

test('a callback that throws or rejects costs that callback and a log line', async () => {
  const { scope, lines } = open()
  const view = scope.view(undefined, {})
  const emitter = new EventEmitter()
  view.on(emitter, 'error', () => {
    throw new Error('in a listener')
  })
  view.setTimeout(() => Promise.reject(new Error('in a timer')) as never, 1)
  emitter.emit('error', new Error('x'))
  await wait(10)
  assert.equal(lines.length, 2)
  assert.match(lines.join('\n'), /in a listener[\s\S]*in a timer/)
  await scope.close()
})

test('a disposer that throws does not stop the others', async () => {
  const { scope, lines } = open()
  const view = scope.view(undefined, {})
  let done = false
  view.onDispose(() => {
    done = true
  })
  view.onDispose(() => {
    throw new Error('late')
  })
  await scope.close()
  assert.equal(done, true)
  assert.match(lines.join('\n'), /onDispose failed.*late/)
})
