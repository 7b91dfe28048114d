import assert from 'node:assert/strict'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import type { BodySink, BodySource } from '../../../src/gateway/body-source.ts'
import { compressedBody } from '../../../src/gateway/filters/compressed-body.ts'
import { sourceOf, wholeAnswer } from '../../../src/gateway/filters/whole-body.ts'
import { Reply } from '../../../src/gateway/reply.ts'

/** A source of these pieces that waits when it is told to, and says what it was given back. */
function pushed(pieces: readonly Uint8Array[]): BodySource & {
  readonly given: Uint8Array[]
  cancelled: string | null
  fail: (error: Error) => void
} {
  let at = 0
  let sink: BodySink | null = null
  let isOver = false
  const go = (): void => {
    const to = sink!
    while (!isOver) {
      if (at === pieces.length) {
        isOver = true
        to.end()
      } else if (!to.write(pieces[at++]!)) return
    }
  }
  const source = {
    length: null,
    given: [] as Uint8Array[],
    cancelled: null as string | null,
    flow: (to: BodySink) => {
      sink = to
      go()
    },
    resume: go,
    recycle: (bytes: Uint8Array) => void source.given.push(bytes),
    cancel: (reason: string) => {
      isOver = true
      source.cancelled = reason
    },
    fail: (error: Error) => {
      isOver = true
      sink?.fail(error)
    },
  }
  return source
}

/** Takes a body at a pace of its own: every second piece is one too many for now. */
async function taken(body: BodySource): Promise<Buffer> {
  const pieces: Buffer[] = []
  await new Promise<void>((resolve, reject) =>
    body.flow({
      write: (bytes) => {
        pieces.push(Buffer.from(bytes))
        if (pieces.length % 2 === 0) return true
        setImmediate(() => body.resume())
        return false
      },
      end: resolve,
      fail: reject,
    }),
  )
  return Buffer.concat(pieces)
}

test('what comes out is what went in, whoever waits for whom, and each piece is given back', async () => {
  const bytes = fc.uint8Array({ maxLength: 40_000 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(bytes, { maxLength: 12 }),
      fc.boolean(),
      async (pieces, isFlushed) => {
        const source = pushed(pieces)
        const atWork = { count: 0 }
        const body = compressedBody(source, 'gzip', isFlushed, atWork)
        assert.equal(atWork.count, 0, 'nobody has asked for it')
        const made = await taken(body)
        assert.ok(gunzipSync(made).equals(Buffer.concat(pieces)))
        assert.deepEqual(source.given, pieces)
        assert.equal(atWork.count, 0)
      },
    ),
    { numRuns: 40 },
  )
})

test('however it ends, it is at work no more', async () => {
  const atWork = { count: 0 }
  const unasked = compressedBody(pushed([]), 'br', false, atWork)
  unasked.cancel('nobody wants it')
  assert.equal(atWork.count, 0)

  const failing = pushed([Buffer.alloc(10), Buffer.alloc(300_000), Buffer.alloc(10)])
  const failed = new Promise<unknown>((resolve) =>
    compressedBody(failing, 'br', false, atWork).flow({
      write: () => false,
      end: () => resolve('ended'),
      fail: resolve,
    }),
  )
  assert.equal(atWork.count, 1)
  const error = new Error('it broke off')
  failing.fail(error)
  assert.equal(await failed, error)
  assert.equal(atWork.count, 0)

  const left = pushed([Buffer.alloc(300_000), Buffer.alloc(300_000)])
  const body = compressedBody(left, 'gzip', false, atWork)
  const seen = new PassThrough()
  body.flow({
    write: (bytes) => seen.write(bytes),
    end: () => seen.end(),
    fail: () => seen.end(),
  })
  await once(seen, 'readable')
  body.cancel('the client left')
  body.cancel('the client left')
  assert.deepEqual([left.cancelled, atWork.count], ['the client left', 0])
})

test('a body is gathered whole, up to its limit, wherever it comes from', async () => {
  async function* pulled(): AsyncGenerator<string | Uint8Array, void, undefined> {
    yield 'ab'
    yield Buffer.from('cd')
  }
  const whole = async (body: Reply['body'], limit: number): Promise<string> => {
    const found = await wholeAnswer(new Reply(200, [], body), limit)
    return typeof found === 'string' ? found : Buffer.from(found).toString()
  }
  for (const body of ['abcd', Buffer.from('abcd')]) {
    assert.equal(await whole(body, 4), 'abcd')
    assert.equal(await whole(body, 3), 'long')
  }
  assert.equal(await whole(pulled(), 4), 'abcd')
  assert.equal(await whole(pulled(), 3), 'long')
  assert.equal(await whole(null, 0), '')
  const source = pushed([Buffer.from('ab'), Buffer.from('cd')])
  assert.equal(await whole(source, 3), 'long')
  assert.notEqual(source.cancelled, null)
  const broken = sourceOf(
    (async function* () {
      yield 'ab'
      throw new Error('it broke off')
    })(),
  )
  assert.equal(await whole(broken, 9), 'broken')
})
