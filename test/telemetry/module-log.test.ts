import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogFields } from '../../src/core/logger.ts'
import { defineModule } from '../../src/modules/define.ts'
import type { ModuleRegistrar, Scope } from '../../src/modules/define.ts'
import { ask, embed } from '../embed/open.ts'
import { open as openIsolated } from '../isolated/support.ts'

interface Line {
  readonly message: string
  readonly fields: LogFields | undefined
}

const collect = () => {
  const lines: Line[] = []
  const write = (message: string, fields?: LogFields): void => void lines.push({ message, fields })
  return { lines, logger: { debug: write, info: write, warn: write, error: write } }
}

const traceOf = (at: number): string => String(at).padStart(32, 'a')
const headersOf = (at: number): { headers: Record<string, string> } => ({
  headers: { traceparent: `00-${traceOf(at)}-b7ad6b7169203331-00` },
})
const pause = (ms: number): Promise<void> => new Promise((go) => setTimeout(go, ms))

const modules: Readonly<Record<string, (routes: ModuleRegistrar, scope: Scope) => void>> = {
  'taken in register': (routes, { log }) => {
    routes.get('/:n', async (c) => {
      log.info('sync', { n: c.param('n') })
      await pause(5)
      log.info('awaited')
      await Promise.all([pause(1), pause(2)]).then(() => log.info('then'))
      setTimeout(() => log.info('timer'), 1)
      await pause(10)
      return c.text('')
    })
  },
  'taken while it serves, after an await first of all': (routes, scope) => {
    routes.get('/:n', async (c) => {
      await pause(5)
      scope.log.info('awaited')
      return c.text('')
    })
  },
  'behind middleware': (routes, { log }) => {
    routes.use(async (_, next) => {
      log.info('before')
      await next()
      log.info('after')
    })
    routes.get('/:n', async (c) => {
      await pause(3)
      log.info('awaited')
      return c.text('')
    })
  },
  'of the context': (routes) => {
    routes.get('/:n', async (c) => {
      await pause(3)
      c.log.info('awaited')
      return c.text('')
    })
  },
}

for (const [name, register] of Object.entries(modules))
  test(`a log ${name} knows the exchange of each of its lines, of many at once`, async (t) => {
    const { lines, logger } = collect()
    const turnout = embed(t, { logger, accessLog: false })
    await turnout.module(defineModule({ name: 'm', version: '1.0.0', register }))
    const asked = Array.from({ length: 20 }, (_, at) => at)
    await Promise.all(asked.map((at) => ask(turnout, `/${at}`, headersOf(at))))
    const own = lines.filter(({ fields }) => fields?.['route_id'] === 'm#GET /:n')
    const messages = [...new Set(own.map(({ message }) => message))]
    assert.ok(messages.includes('awaited'))
    for (const message of messages)
      assert.deepEqual(
        own
          .filter((line) => line.message === message)
          .map(({ fields }) => fields?.['trace_id'])
          .sort(),
        asked.map(traceOf).sort(),
        message,
      )
    assert.ok(own.every(({ fields }) => fields?.['module'] === 'm'))
  })

test('what is said outside of any exchange has no trace of one, and fields of a module are apart', async (t) => {
  const { lines, logger } = collect()
  const turnout = embed(t, { logger, accessLog: false })
  await turnout.module(
    defineModule({
      name: 'm',
      version: '1.0.0',
      register(routes, { log, setTimeout: later }) {
        log.info('register', { module: 'not me', trace_id: 'mine' })
        later(() => log.info('timer'), 1)
        routes.get('/', (c) => c.text(''))
      },
    }),
  )
  await pause(20)
  const own = { module: 'm', module_version: '1.0.0' }
  const said = (message: string): LogFields | undefined =>
    lines.findLast((line) => line.message === message)?.fields
  assert.deepEqual(said('register'), { ...own, data: { module: 'not me', trace_id: 'mine' } })
  assert.deepEqual(said('timer'), own)
})

test('a module in a process of its own logs under the trace of the exchange as the worker knows it', async (t) => {
  const opened = await openIsolated(t, {
    'm.js': `export default { version: '1.0.0', isolation: 'isolated', register(routes, { log }) {
      routes.get('/m', async (c) => {
        await new Promise((go) => setTimeout(go, 3))
        log.warn('awaited', { password: 'hush', level: 1n, f() {} })
        c.log.warn('context')
        return c.text(c.traceId)
      })
    } }`,
  })
  const own = await opened.text('/m')
  const given = await opened.ask('/m', headersOf(7))
  assert.equal(given.text, traceOf(7))
  assert.match(own, /^[\da-f]{32}$/)
  await opened.line('context')
  const found = opened.lines.filter(({ message }) => message === 'awaited')
  assert.deepEqual(
    found.map(({ fields }) => fields['trace_id']),
    [own, traceOf(7)],
  )
  assert.deepEqual(found[0]!.fields['data'], {
    password: '[redacted]',
    level: '1',
    f: '[function]',
  })
})
