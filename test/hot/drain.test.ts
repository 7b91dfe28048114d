import assert from 'node:assert/strict'
import { get, type IncomingMessage } from 'node:http'
import { test, type TestContext } from 'node:test'
import { defineModule, type RouteModule } from '../../src/modules/define.ts'
import { createTurnout, type Turnout, type TurnoutOptions } from '../../src/turnout.ts'
import { ask } from './support/served.ts'

/** One gate: whoever waits goes on when it is opened. */
interface Gate {
  readonly opened: Promise<void>
  readonly open: () => void
}

const gate = (): Gate => {
  let open!: () => void
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

/** What a test sees of one version of the module. */
interface Watched {
  readonly version: string
  readonly entered: { readonly slow: Gate; readonly never: Gate; readonly events: Gate }
  /** Lets handlers and streams go on. */
  readonly gate: Gate
  readonly disposed: Gate
  readonly aborted: Gate
  isDisposed: boolean
}

const watch = (version: string): Watched => ({
  version,
  entered: { slow: gate(), never: gate(), events: gate() },
  gate: gate(),
  disposed: gate(),
  aborted: gate(),
  isDisposed: false,
})

const moduleOf = (watched: Watched): RouteModule =>
  defineModule({
    name: 'draining',
    version: watched.version,
    register(routes, { onDispose, services }) {
      // Listed once on stand-ins, and given back at once: not what is meant here.
      if ('real' in services) {
        onDispose(() => {
          watched.isDisposed = true
          watched.disposed.open()
        })
      }
      routes.get('/version', (c) => c.text(watched.version))
      routes.get('/slow', async (c) => {
        watched.entered.slow.open()
        await watched.gate.opened
        return c.text(watched.version)
      })
      routes.get('/never', (c) => {
        c.signal.addEventListener('abort', () => watched.aborted.open())
        watched.entered.never.open()
        return new Promise<never>(() => undefined)
      })
      routes.get('/events', (c) =>
        c.stream(async function* (signal) {
          signal.addEventListener('abort', () => watched.aborted.open())
          yield `data: ${watched.version} 1\n\n`
          watched.entered.events.open()
          await Promise.race([watched.gate.opened, watched.aborted.opened])
          yield `data: ${watched.version} 2\n\n`
        }),
      )
    },
  })

interface Stream {
  /** All that came; null where the connection was cut. */
  readonly whole: Promise<string | null>
  readonly leave: () => void
}

const openStream = (port: number, path: string): Stream => {
  const request = get({ host: '127.0.0.1', port, path, agent: false })
  const whole = new Promise<string | null>((resolve) => {
    request.on('error', () => resolve(null))
    request.on('response', (response: IncomingMessage) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (text += part))
      response.on('error', () => resolve(null))
      response.on('end', () => resolve(text))
    })
  })
  return { whole, leave: () => void request.destroy() }
}

interface Opened {
  readonly turnout: Turnout
  readonly port: number
  readonly retired: string[]
  readonly replace: (watched: Watched) => Promise<unknown>
}

const open = async (t: TestContext, first: Watched, options: TurnoutOptions): Promise<Opened> => {
  const turnout = createTurnout({ logger: false, services: { real: true }, ...options })
  t.after(() => turnout.close(0))
  const retired: string[] = []
  turnout.on('retired', ({ version }) => retired.push(version))
  const replace = (watched: Watched): Promise<unknown> => turnout.module(moduleOf(watched))
  await replace(first)
  const { port } = await turnout.listen({ port: 0 })
  return { turnout, port, retired, replace }
}

test('a stream across an update goes on, on its own version, until it ends', async (t) => {
  const [one, two] = [watch('1.0.0'), watch('2.0.0')]
  const { port, replace, turnout, retired } = await open(t, one, {})
  const stream = openStream(port, '/events')
  await one.entered.events.opened
  await replace(two)
  assert.equal((await ask(port, '/version')).text, '2.0.0')
  const draining = turnout.draining.map(({ since: _since, ...rest }) => rest)
  const routes = ['GET /events']
  assert.deepEqual(draining, [
    { module: 'draining', version: '1.0.0', exchanges: 1, routes, timers: 0, listeners: 0 },
  ])
  assert.equal(one.isDisposed, false)
  assert.deepEqual(retired, [])
  one.gate.open()
  assert.equal(await stream.whole, 'data: 1.0.0 1\n\ndata: 1.0.0 2\n\n')
  await one.disposed.opened
  assert.equal(two.isDisposed, false)
})

test('a stream that outlives streamDrainMs is cut, and its version is disposed of', async (t) => {
  const [one, two] = [watch('1.0.0'), watch('2.0.0')]
  const { port, replace } = await open(t, one, { streamDrainMs: 50 })
  const stream = openStream(port, '/events')
  await one.entered.events.opened
  await replace(two)
  assert.equal(await stream.whole, null, 'the client sees that it is not whole')
  await one.aborted.opened
  await one.disposed.opened
  assert.equal((await ask(port, '/version')).text, '2.0.0')
})

test('a stream is not cut by the deadline of requests', async (t) => {
  const [one, two] = [watch('1.0.0'), watch('2.0.0')]
  const { port, replace } = await open(t, one, { drainMs: 50 })
  const stream = openStream(port, '/events')
  const never = ask(port, '/never')
  await Promise.all([one.entered.events.opened, one.entered.never.opened])
  await replace(two)
  // The answer shows that the deadline of requests is over.
  assert.equal((await never).status, 503)
  one.gate.open()
  assert.equal(await stream.whole, 'data: 1.0.0 1\n\ndata: 1.0.0 2\n\n')
})

test('a request that outlives drainMs gets 503 and its signal', async (t) => {
  const [one, two] = [watch('1.0.0'), watch('2.0.0')]
  const { port, replace } = await open(t, one, { drainMs: 50 })
  const never = ask(port, '/never')
  await one.entered.never.opened
  await replace(two)
  const { status, headers, text } = await never
  assert.equal(status, 503)
  assert.equal(headers['content-type'], 'application/problem+json')
  assert.equal((JSON.parse(text) as { code: string }).code, 'TURNOUT_EXCHANGE_CUT')
  await one.aborted.opened
  // The handler never settles; its version is let go all the same.
  await one.disposed.opened
})

test('a slow request across an update is answered whole by its own version', async (t) => {
  const [one, two] = [watch('1.0.0'), watch('2.0.0')]
  const { port, replace, turnout } = await open(t, one, {})
  const slow = ask(port, '/slow')
  await one.entered.slow.opened
  await replace(two)
  assert.equal(turnout.draining[0]?.exchanges, 1)
  assert.equal(one.isDisposed, false)
  one.gate.open()
  assert.equal((await slow).text, '1.0.0')
  await one.disposed.opened
  assert.deepEqual(turnout.draining, [])
})

test('past maxLiveVersions the next version is refused, no stream is cut, and there is always a way back', async (t) => {
  const all = [1, 2, 3, 4].map((number) => watch(`${number}.0.0`))
  const [one, two, three, four] = all as [Watched, Watched, Watched, Watched]
  const { port, replace, turnout } = await open(t, one, { maxLiveVersions: 2 })
  const streams: Stream[] = []
  for (const [at, version] of [one, two, three].entries()) {
    if (at > 0) await replace(version)
    streams.push(openStream(port, '/events'))
    await version.entered.events.opened
  }
  const versions = (): readonly string[] => turnout.draining.map(({ version }) => version)
  assert.deepEqual(versions(), ['1.0.0', '2.0.0'])
  await assert.rejects(replace(four), { code: 'TURNOUT_VERSIONS_HELD' })
  assert.equal((await ask(port, '/version')).text, '3.0.0')
  one.gate.open()
  await one.disposed.opened
  await replace(four)
  assert.deepEqual(versions(), ['2.0.0', '3.0.0'])
  await turnout.rollback(turnout.revision - 1)
  assert.equal((await ask(port, '/version')).text, '3.0.0')
  for (const version of [two, three, four]) version.gate.open()
  for (const number of [1, 2, 3]) {
    assert.equal(
      await streams[number - 1]?.whole,
      `data: ${number}.0.0 1\n\ndata: ${number}.0.0 2\n\n`,
    )
  }
})

for (const [path, name] of [
  ['/events', 'events'],
  ['/never', 'never'],
] as const) {
  test(`a client that leaves ${path} aborts the signal of its exchange`, async (t) => {
    const one = watch('1.0.0')
    const { port } = await open(t, one, {})
    const stream = openStream(port, path)
    await one.entered[name].opened
    stream.leave()
    await one.aborted.opened
  })
}

test('a replaced version whose only client left is disposed of', async (t) => {
  const [one, two] = [watch('1.0.0'), watch('2.0.0')]
  const { port, replace } = await open(t, one, {})
  const stream = openStream(port, '/events')
  await one.entered.events.opened
  await replace(two)
  stream.leave()
  await one.disposed.opened
})

test('close waits for what is under way and then disposes', async (t) => {
  const one = watch('1.0.0')
  const { port, turnout } = await open(t, one, {})
  const slow = ask(port, '/slow')
  await one.entered.slow.opened
  const closed = turnout.close(60_000)
  assert.equal(one.isDisposed, false)
  one.gate.open()
  assert.equal((await slow).text, '1.0.0')
  assert.equal(await closed, 0)
  assert.equal(one.isDisposed, true)
})

test('close cuts at its deadline what would not end, and tells how much', async (t) => {
  const one = watch('1.0.0')
  const { port, turnout } = await open(t, one, { drainMs: 50 })
  const never = ask(port, '/never').catch((error: NodeJS.ErrnoException) => error.code)
  await one.entered.never.opened
  assert.equal(await turnout.close(20), 1)
  assert.equal(await never, 'ECONNRESET')
  assert.equal(one.isDisposed, true)
})
