import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Reply } from '../../src/gateway/reply.ts'
import type { RouteHandler } from '../../src/modules/define.ts'
import { attack, bodyOf, exchange, keepLog, last, more, statusesOf } from './wire.ts'

const never = (): never => {
  throw new Error('a trap of the thrown value')
}

const thrown: Readonly<Record<string, unknown>> = {
  undefined,
  null: null,
  'a string': 'secret',
  'a symbol': Symbol('secret'),
  'a frozen error': Object.freeze(new Error('secret')),
  'an object without a prototype': Object.create(null),
  'an object that cannot be printed': { toString: never },
  'an error whose message throws': Object.defineProperty(new Error('x'), 'message', { get: never }),
  'an error whose stack throws': Object.defineProperty(new Error('x'), 'stack', { get: never }),
  'an error whose stack is a number': Object.defineProperty(new Error('x'), 'stack', { value: 7 }),
  'a proxy with traps': new Proxy({}, { get: never, getPrototypeOf: never }),
}

describe('whatever a handler throws costs its own exchange a 500, and says nothing to the client', () => {
  for (const [name, value] of Object.entries(thrown)) {
    test(name, async (t) => {
      const { log, errors } = keepLog()
      const { port } = await attack(
        t,
        (turnout) => {
          turnout.get('/now', () => {
            throw value
          })
          turnout.get('/later', async () => {
            throw value
          })
          turnout.get('/part', (c) =>
            c.stream(async function* () {
              yield 'part'
              throw value
            }),
          )
          turnout.get('/ok', (c) => c.text('ok'))
        },
        { logger: log },
      )
      const received = await exchange(port, more('/now') + more('/later') + last('/ok'))
      assert.deepEqual(statusesOf(received), [500, 500, 200])
      assert.ok(!received.includes('secret'))
      const cut = await exchange(port, more('/part'))
      assert.ok(!cut.includes('0\r\n\r\n'), 'a stream that failed is not told as whole')
      assert.equal(errors.length, 3)
    })
  }
})

const invalid: Readonly<Record<string, RouteHandler>> = {
  nothing: () => undefined as never,
  'a string': () => 'text' as never,
  // oxlint-disable-next-line unicorn/no-thenable -- that is the attack
  'an object whose then is no function': () => ({ then: 5 }) as never,
  // oxlint-disable-next-line unicorn/no-thenable -- that is the attack
  'an object whose then gives nothing': () => ({ then: () => 5 }) as never,
  'status 100, which would leave the client waiting': () => new Reply(100, [], 'x'),
  'status 101': (c) => c.text('x', 101),
  'status 0': () => Response.error(),
  'status 700': (c) => c.text('x', 700),
  'status 200.5': (c) => c.text('x', 200.5),
  'a field with a line break': (c) => c.setHeader('x-a', 'b\r\nx-c: d').text('x'),
  'a field name with a space': (c) => c.setHeader('x a', 'b').text('x'),
  'a field beyond Latin-1': (c) => c.setHeader('x-a', '\u20ac').text('x'),
  'a value without a JSON form': (c) => c.json(undefined),
  'a body of another type': () => new Reply(200, [], 5 as never),
  'a stream that is none': (c) => c.stream([1] as never),
}

describe('an answer that is none is a 500 with its own reason phrase', () => {
  for (const [name, handler] of Object.entries(invalid)) {
    test(name, async (t) => {
      const { port } = await attack(t, (turnout) => {
        turnout.get('/', handler)
        turnout.get('/ok', (c) => c.text('ok'))
      })
      const received = await exchange(port, more('/') + last('/ok'))
      assert.deepEqual(statusesOf(received), [500, 200])
      assert.ok(received.startsWith('HTTP/1.1 500 Internal Server Error\r\n'))
    })
  }
})

describe('a body ends where its message says, whatever the handler said', () => {
  const rows: [string, RouteHandler][] = [
    ['a length too small', (c) => c.setHeader('Content-Length', '3').text('hello')],
    ['a length too large', (c) => c.setHeader('content-length', '30').text('hello')],
    ['chunks announced', (c) => c.setHeader('transfer-encoding', 'chunked').text('hello')],
    [
      'a stale length of a fetched answer',
      () => new Response('hello', { headers: { 'content-length': '3' } }),
    ],
  ]
  for (const [name, handler] of rows) {
    test(name, async (t) => {
      const { port } = await attack(t, (turnout) => void turnout.get('/', handler))
      const received = await exchange(port, more('/') + last('/', '', 'HEAD'))
      assert.deepEqual(statusesOf(received), [200, 200])
      assert.match(received, /content-length: 5\r\n[^]*\r\n\r\nhelloHTTP\/1\.1 200/)
      assert.ok(!/transfer-encoding|content-length: 30?\r/i.test(received))
    })
  }
  for (const length of ['2', '20']) {
    test(`a stream that is not of the ${length} bytes it announced is cut`, async (t) => {
      const { port } = await attack(
        t,
        (turnout) =>
          void turnout.get('/', (c) =>
            c.setHeader('content-length', length).stream(async function* () {
              yield 'abc'
              yield 'def'
            }),
          ),
      )
      const received = await exchange(port, more('/') + last('/'))
      assert.deepEqual(statusesOf(received), [200])
      assert.notEqual(bodyOf(received).length, Number(length) + 1)
    })
  }
  test('204 has no length, HEAD may have one of its own', async (t) => {
    const { port } = await attack(t, (turnout) => {
      turnout.get('/none', (c) => c.setHeader('content-length', '5').text('x', 204))
      turnout.head('/head', (c) => c.setHeader('content-length', '77').bytes(null))
    })
    const received = await exchange(port, more('/none') + last('/head', '', 'HEAD'))
    assert.deepEqual(statusesOf(received), [204, 200])
    assert.deepEqual(received.match(/content-length: \d+/g), ['content-length: 77'])
  })
})

describe('one write for head and body gives the bytes that two would', () => {
  const bodies = [
    '',
    'a',
    'h\u00e9llo',
    '\u20ac',
    '\u{1f600}',
    'x'.repeat(1024 * 1024),
    `${'x'.repeat(70_000)}\u00e9`,
  ]
  for (const body of bodies) {
    test(`${body.length} characters, ${JSON.stringify(body.slice(0, 6))}`, async (t) => {
      const { port } = await attack(t, (turnout) => void turnout.get('/', (c) => c.text(body)))
      const bytes = Buffer.from(body).toString('latin1')
      const kept = await exchange(port, more('/') + last('/'))
      const [first = '', second] = kept.split(/(?=HTTP\/1\.1 200)/)
      assert.equal(bodyOf(first), bytes)
      assert.equal(bodyOf(second ?? ''), bytes)
      const old = await exchange(port, 'GET / HTTP/1.0\r\n\r\n')
      assert.equal(bodyOf(old), bytes)
      assert.match(old, new RegExp(`content-length: ${bytes.length}\\r\\n`))
      assert.equal(bodyOf(await exchange(port, last('/', '', 'HEAD'))), '')
    })
  }
})

test('a reply returned to many takes no cookie of one to another', async (t) => {
  let shared: Reply | undefined
  const { port } = await attack(t, (turnout) => {
    turnout.get(
      '/:who',
      (c, next) => {
        c.setHeader('set-cookie', `who=${c.param('who')}`)
        return next()
      },
      (c) => (shared ??= c.text('shared')),
    )
  })
  await exchange(port, last('/anna'))
  const received = await exchange(port, last('/bert'))
  assert.deepEqual(received.match(/set-cookie: .*/g), ['set-cookie: who=bert'])
})

test('a rejection behind a next() that nobody awaits does not end the process', async (t) => {
  const stray: unknown[] = []
  const keep = (error: unknown): void => void stray.push(error)
  process.on('unhandledRejection', keep)
  t.after(() => process.off('unhandledRejection', keep))
  const { port } = await attack(t, (turnout) => {
    turnout.get(
      '/',
      (c, next) => {
        void next()
        return c.text('mine')
      },
      async () => {
        throw new Error('dropped')
      },
    )
  })
  assert.equal(bodyOf(await exchange(port, last('/'))), 'mine')
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(stray, [])
})

test('a logger of the host that throws costs no answer', async (t) => {
  const fail = (): never => {
    throw new Error('the disk is full')
  }
  const { port } = await attack(
    t,
    (turnout) => {
      turnout.get('/', (c) => c.text('ok'))
      turnout.get('/fail', fail)
    },
    { logger: { debug: fail, info: fail, warn: fail, error: fail } },
  )
  assert.deepEqual(
    statusesOf(await exchange(port, more('/') + more('/fail') + last('/'))),
    [200, 500, 200],
  )
})
