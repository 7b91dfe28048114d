import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createAdminClient, type AdminClient } from '../../src/admin/client.ts'
import { defineModule, type Filter, type RouteModule } from '../../src/modules/define.ts'
import { createTurnout, openTurnout, type Turnout } from '../../src/turnout.ts'
import { applied, openEmbedded, refused, retired } from './support/embedded.ts'
import { ask, makeFolder } from './support/served.ts'

/** A server that answers with the fields that filters set. */
async function openEcho(t: TestContext): Promise<string> {
  const server = createServer(({ headers }, response) => {
    const fields = ['x-user', 'x-enter', 'x-leave'].map((name) => headers[name] ?? '-')
    response.end(fields.join(' '))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function openAdmin(t: TestContext, turnout: Turnout): Promise<AdminClient> {
  const { url, firstToken } = await turnout.admin({ port: 0, directory: makeFolder(t) })
  return createAdminClient({ url, token: firstToken.token })
}

const filterOf = (name: string, args: object = {}): object => ({
  kind: 'module',
  module: 'auth',
  name,
  args,
})

const putRoute = async (
  client: AdminClient,
  id: string,
  target: object,
  filters: readonly object[],
): Promise<void> => {
  const body = { id, path: `/${id}`, target, filters }
  const put = await client.createRoute({ body: body as never })
  assert.equal(put.ok, true, JSON.stringify(put))
}

/** Two filters of one version with a wait between them, and one that may refuse. */
const authText = (version: string, filters = 'enter leave require-user'): string => `
const tag = '${version}'
const all = {
  enter: async (c, next) => {
    c.setRequestHeader('x-enter', tag)
    await new Promise((resolve) => setTimeout(resolve, 3))
    return (await next()).setHeader('x-version', tag)
  },
  leave: (c, next) => {
    if (isDisposed) throw new Error('disposed')
    return c.setRequestHeader('x-leave', tag) && next()
  },
  'require-user': (c, next, { role }) => {
    const user = c.header('x-token')
    if (user === undefined) return c.text('who are you? ' + tag, 401)
    c.setRequestHeader('x-user', user + '/' + role).removeRequestHeader('x-token')
    return next()
  },
}
let isDisposed = false
export default {
  name: 'auth',
  version: '${version}',
  register(routes, { onDispose }) {
    onDispose(() => {
      isDisposed = true
    })
    for (const name of ${JSON.stringify(filters.split(' '))}) routes.filter(name, all[name])
  },
}
`

const problemOf = (body: unknown): string => {
  const { code, detail } = body as { code: string; detail: string }
  return `${code}: ${detail}`
}

test('a filter of a file refuses and lets pass, before targets of every kind', async (t) => {
  const echo = await openEcho(t)
  const folder = makeFolder(t, { 'auth.js': authText('1.0.0') })
  const { turnout, port } = await openEmbedded(t, folder)
  const client = await openAdmin(t, turnout)
  const made = await client.createUpstream({ body: { name: 'echo', endpoints: [echo] } })
  assert.equal(made.ok, true)
  const targets = {
    uri: [{ uri: echo }, '200 ann/admin - -'],
    upstream: [{ upstream: 'echo' }, '200 ann/admin - -'],
    respond: [{ respond: { status: 200, body: 'data' } }, '200 data'],
    redirect: [{ redirect: { location: '/to' } }, '302 '],
  } as const
  for (const [id, [target, expected]] of Object.entries(targets)) {
    await putRoute(client, id, target, [filterOf('require-user', { role: 'admin' })])
    const asked = async (headers: Record<string, string>): Promise<string> => {
      const init = { headers, redirect: 'manual' } as const
      const response = await fetch(`http://127.0.0.1:${port}/${id}`, init)
      return `${response.status} ${await response.text()}`
    }
    assert.equal(await asked({}), '401 who are you? 1.0.0')
    assert.equal(await asked({ 'x-token': 'ann' }), expected)
  }
  const module = await client.getModule({ params: { name: 'auth' } })
  const { filters } = (module.ok ? module.body : {}) as { filters?: readonly string[] }
  assert.deepEqual(filters, ['enter', 'leave', 'require-user'])
})

test('names that nobody registers are refused with the route and the filter', async (t) => {
  const folder = makeFolder(t, { 'auth.js': authText('1.0.0') })
  const { turnout } = await openEmbedded(t, folder)
  const client = await openAdmin(t, turnout)
  const refusal = async (filter: object): Promise<string> => {
    const body = { id: 'a', path: '/a', target: { uri: 'http://127.0.0.1:9' }, filters: [filter] }
    const put = await client.createRoute({ body: body as never })
    return put.ok ? 'accepted' : `${put.status} ${problemOf(put.problem)}`
  }
  const said = (filter: string, module: string): string =>
    `422 TURNOUT_FILTER_UNKNOWN: Route a names the filter ${filter} of the module ${module}, which does not exist`
  assert.equal(await refusal(filterOf('enterr')), said('enterr', 'auth'))
  const other = { kind: 'module', module: 'other', name: 'enter' }
  assert.equal(await refusal(other), said('enter', 'other'))
})

test('a module whose filter is named stays: neither removed, nor replaced by one without it, nor by a bad one', async (t) => {
  const echo = await openEcho(t)
  const folder = makeFolder(t, { 'auth.js': authText('1.0.0') })
  const embedded = await openEmbedded(t, folder)
  const client = await openAdmin(t, embedded.turnout)
  await putRoute(client, 'in', { uri: echo }, [filterOf('enter')])
  const used = refused('auth', 'TURNOUT_FILTER_USED')

  const told = await embedded.saved({ 'auth.js': authText('2.0.0', 'leave require-user') }, used)
  assert.ok(told.name === 'rejected')
  assert.equal(
    told.event.rejections[0]?.problems[0]?.message,
    'The filter enter of the module auth is used by route in (admin)',
  )
  assert.equal(await embedded.ask('/in'), '- 1.0.0 -')
  const bad = refused('auth', 'TURNOUT_MODULE_LOAD_FAILED')
  await embedded.saved({ 'auth.js': `throw new Error('bad')` }, bad)
  assert.equal(await embedded.ask('/in'), '- 1.0.0 -')

  const gone = embedded.next(({ name }) => name === 'rejected')
  rmSync(join(folder, 'auth.js'))
  const removal = await gone
  assert.ok(removal.name === 'rejected')
  assert.deepEqual(
    removal.event.rejections.flatMap(({ problems }) => problems.map(({ code }) => code)),
    ['TURNOUT_FILTER_USED'],
  )
  assert.equal(await embedded.ask('/in'), '- 1.0.0 -')

  // A filter that no route names comes and goes as it likes.
  await embedded.saved({ 'auth.js': authText('3.0.0', 'enter') }, applied('auth', '3.0.0'))
  assert.equal(await embedded.ask('/in'), '- 3.0.0 -')

  // Refused as long as it is needed, it goes as soon as it is not.
  const held = embedded.next(({ name }) => name === 'rejected')
  rmSync(join(folder, 'auth.js'))
  await held
  const free = embedded.next(applied('auth', null))
  const deleted = await client.deleteRoute({ params: { id: 'in' }, query: { force: true } })
  assert.equal(deleted.ok, true)
  await free
})

test('replaced under load: nothing fails, and every answer is of exactly one version', async (t) => {
  const echo = await openEcho(t)
  const folder = makeFolder(t, { 'auth.js': authText('0.0.0') })
  const embedded = await openEmbedded(t, folder)
  const client = await openAdmin(t, embedded.turnout)
  const delay = { kind: 'fault', delayMs: 2 }
  await putRoute(client, 'in', { uri: echo }, [filterOf('enter'), delay, filterOf('leave')])
  const load = { isOver: false, count: 0, failures: [] as string[], versions: new Set<string>() }
  const loops = Array.from({ length: 16 }, async () => {
    while (!load.isOver) {
      const { status, text, headers } = await ask(embedded.port, '/in')
      const version = String(headers['x-version'])
      load.count += 1
      load.versions.add(version)
      if (status !== 200 || text !== `- ${version} ${version}`) load.failures.push(text)
    }
  })
  for (let number = 1; number <= 15; number += 1) {
    const before = retired('auth', `${number - 1}.0.0`)
    const isGone = embedded.next(before)
    const version = `${number}.0.0`
    await embedded.saved({ 'auth.js': authText(version) }, applied('auth', version))
    await isGone
  }
  load.isOver = true
  await Promise.all(loops)
  t.diagnostic(`${load.count} requests over ${load.versions.size} versions`)
  assert.deepEqual(load.failures, [])
  assert.ok(load.versions.size > 5, [...load.versions].join())
})

interface Gate {
  readonly opened: Promise<void>
  readonly open: () => void
}

const gate = (): Gate => {
  let open!: () => void
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

const moduleOf = (version: string, filter: Filter, onGone?: () => void): RouteModule =>
  defineModule({
    name: 'auth',
    version,
    register(routes, { onDispose, services }) {
      // Listed once on stand-ins, and given back at once: not what is meant here.
      if (onGone !== undefined && 'real' in services) onDispose(onGone)
      routes.filter('one', filter)
    },
  })

const passing: Filter = (_, next) => next()

test('a replaced version is disposed of after the last exchange through its filters', async (t) => {
  const turnout = createTurnout({ logger: false, services: { real: true } })
  t.after(() => turnout.close(0))
  const entered = gate()
  const answer = gate()
  let isDisposed = false
  const disposed = gate()
  const first = moduleOf(
    '1.0.0',
    async (c, next) => {
      entered.open()
      await answer.opened
      return (await next()).setHeader('x-disposed', String(isDisposed))
    },
    () => {
      isDisposed = true
      disposed.open()
    },
  )
  await turnout.module(first)
  const client = await openAdmin(t, turnout)
  await putRoute(client, 'in', { respond: { status: 200, body: 'data' } }, [filterOf('one')])
  const { port } = await turnout.listen({ port: 0 })
  const slow = ask(port, '/in')
  await entered.opened
  await turnout.module(moduleOf('2.0.0', passing))
  // A whole exchange on the next version, and the first one is still inside.
  assert.equal((await ask(port, '/in')).text, 'data')
  assert.equal(isDisposed, false)
  answer.open()
  const { text, headers } = await slow
  assert.deepEqual([text, headers['x-disposed']], ['data', 'false'])
  await disposed.opened
})

test('what does not leave the filters of a retired version is cut at the deadline', async (t) => {
  const turnout = createTurnout({
    logger: false,
    services: { real: true },
    drainMs: 50,
  })
  t.after(() => turnout.close(0))
  const entered = gate()
  const disposed = gate()
  const never: Filter = () => {
    entered.open()
    return new Promise<never>(() => undefined)
  }
  await turnout.module(moduleOf('1.0.0', never, disposed.open))
  const client = await openAdmin(t, turnout)
  await putRoute(client, 'in', { respond: { status: 200, body: 'data' } }, [filterOf('one')])
  const { port } = await turnout.listen({ port: 0 })
  const stuck = ask(port, '/in')
  await entered.opened
  await turnout.module(moduleOf('2.0.0', passing))
  const { status, text } = await stuck
  assert.deepEqual(
    [status, problemOf(JSON.parse(text)).split(':')[0]],
    [503, 'TURNOUT_EXCHANGE_CUT'],
  )
  await disposed.opened
})

test('a throw is a 500 and told as of the module and the filter', async (t) => {
  const logged: object[] = []
  const nothing = (): void => undefined
  const error = (message: string, fields?: object): void => void logged.push({ message, ...fields })
  const turnout = createTurnout({
    logger: { debug: nothing, info: nothing, warn: nothing, error },
  })
  t.after(() => turnout.close(0))
  await turnout.module(
    moduleOf('1.0.0', () => {
      throw new Error('a secret')
    }),
  )
  const client = await openAdmin(t, turnout)
  await putRoute(client, 'in', { respond: { status: 200 } }, [filterOf('one')])
  const { port } = await turnout.listen({ port: 0 })
  const { status, text } = await ask(port, '/in')
  assert.deepEqual(
    [status, problemOf(JSON.parse(text))],
    [500, 'TURNOUT_HANDLER_FAILED: The handler failed'],
  )
  const [line] = logged as readonly Record<string, unknown>[]
  const fields = ['message', 'route_id', 'module', 'module_version', 'filter', 'error']
  assert.deepEqual(
    fields.map((name) => line?.[name]),
    ['a handler failed', 'in', 'auth', '1.0.0', 'one', 'a secret'],
  )
  assert.equal(logged.length, 1)
})

test('after a start the routes of before are filtered at once, and one whose module is gone serves nothing', async (t) => {
  const echo = await openEcho(t)
  const folder = makeFolder(t, { 'auth.js': authText('1.0.0') })
  const data = makeFolder(t)
  const first = await openTurnout({ logger: false, data })
  await first.files(folder)
  const client = await openAdmin(t, first)
  await putRoute(client, 'in', { uri: echo }, [filterOf('enter'), filterOf('leave')])
  await first.close(0)

  const second = await openTurnout({ logger: false, data })
  const { port } = await second.listen({ port: 0 })
  assert.equal((await ask(port, '/in')).text, '- 1.0.0 1.0.0')
  await second.close(0)

  rmSync(join(data, 'artifacts'), { recursive: true })
  const third = await openTurnout({ logger: false, data })
  t.after(() => third.close(0))
  const { port: again } = await third.listen({ port: 0 })
  const { status, text } = await ask(again, '/in')
  assert.deepEqual(
    [status, problemOf(JSON.parse(text)).split(':')[0]],
    [503, 'TURNOUT_MODULE_NOT_LIVE'],
  )
  // What comes again serves again.
  await third.files(folder)
  assert.equal((await ask(again, '/in')).text, '- 1.0.0 1.0.0')
})
