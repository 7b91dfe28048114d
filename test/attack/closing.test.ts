import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  defineModule,
  type AnyRouteModule,
  type RouteModule,
  type Services,
} from '../../src/modules/define.ts'
import { createTurnout, type Turnout } from '../../src/turnout.ts'
import { attack, bodyOf, exchange, last } from './wire.ts'

const closed = { code: 'TURNOUT_CLOSED' }

/** A listing on trial has stand-ins for all services, and is never disposed of: it does not count. */
const weight = (services: Services): number =>
  services['nobody declared it'] === undefined ? 1 : 0

const plain = (name: string): RouteModule =>
  defineModule({ name, register: (routes) => void routes.get(`/${name}`, (c) => c.text(name)) })

describe('after close() nothing begins', () => {
  const attempts: Readonly<Record<string, (turnout: Turnout) => unknown>> = {
    'a module': (turnout) => turnout.module(plain('late')),
    'an update': (turnout) => turnout.update((change) => void change.get('/', (c) => c.text(''))),
    'a route': (turnout) => turnout.get('/', (c) => c.text('')),
    'a rollback': (turnout) => turnout.rollback(0),
    'a listener': (turnout) => turnout.listen({ port: 0 }),
    'a folder': (turnout) => turnout.files(tmpdir()),
  }
  for (const [name, attempt] of Object.entries(attempts)) {
    test(name, async () => {
      const turnout = createTurnout({ logger: false })
      await turnout.close()
      await assert.rejects(async () => attempt(turnout), closed)
      assert.deepEqual(turnout.routes(), [])
    })
  }
})

test('a change whose description outlives close() is refused', async () => {
  const turnout = createTurnout({ logger: false })
  let go = (): void => undefined
  const described = new Promise<void>((resolve) => {
    go = resolve
  })
  const change = turnout.update(async (one) => {
    await described
    one.module(plain('late'))
  })
  await turnout.close()
  go()
  await assert.rejects(change, closed)
})

test('a change under way at close() ends, and what it opened is given back', async () => {
  const turnout = createTurnout({ logger: false })
  let open = 0
  const module = defineModule({
    name: 'm',
    register(routes, { onDispose, services }) {
      open += weight(services)
      onDispose(() => void (open -= weight(services)))
      routes.get('/', (c) => c.text(''))
    },
  })
  const change = turnout.module(module)
  await turnout.close()
  await change
  assert.equal(open, 0)
})

test('two calls of close() are one: services stay until the last exchange has ended', async (t) => {
  let isOpen = false
  let go = (): void => undefined
  const may = new Promise<void>((resolve) => {
    go = resolve
  })
  const open = (): void => void (isOpen = true)
  const close = (): void => void (isOpen = false)
  let entered = (): void => undefined
  const inside = new Promise<void>((resolve) => {
    entered = resolve
  })
  const { port, turnout } = await attack(
    t,
    async (one) => {
      await one.module(
        defineModule({
          name: 'm',
          register: (routes) =>
            void routes.get('/', async (c) => {
              entered()
              await may
              return c.text(isOpen ? 'open' : 'closed')
            }),
        }),
      )
    },
    { services: { database: { open, close } } },
  )
  const received = exchange(port, last('/'))
  await inside
  const both = [turnout.close(), turnout.close()]
  await new Promise((resolve) => setTimeout(resolve, 50))
  go()
  assert.equal(bodyOf(await received), 'open')
  assert.deepEqual(await Promise.all(both), [0, 0])
  assert.equal(isOpen, false)
})

test('an emitter that cannot let go, and a disposer that throws, do not hold up close()', async () => {
  const turnout = createTurnout({ logger: false })
  const fail = (): never => {
    throw new Error('no')
  }
  await turnout.module(
    defineModule({
      name: 'm',
      register(routes, scope) {
        scope.on({ on: () => undefined, off: fail }, 'event', () => undefined)
        scope.onDispose(fail)
        routes.get('/', (c) => c.text(''))
      },
    }),
  )
  assert.equal(await turnout.close(), 0)
})

test('two folders with a module of one name: the first keeps it, the second is told', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'turnout-attack-'))
  const turnout = createTurnout({ logger: false })
  t.after(async () => {
    await turnout.close()
    rmSync(folder, { recursive: true })
  })
  const told: string[] = []
  turnout.on('rejected', ({ rejections }) => {
    for (const { problems } of rejections) told.push(...problems.map(({ code }) => code))
  })
  for (const name of ['a', 'b']) {
    mkdirSync(join(folder, name))
    const code = `export default { register(r) { r.get('/${name}', (c) => c.text('${name}')) } }`
    writeFileSync(join(folder, name, 'same.js'), code)
    await turnout.files(join(folder, name))
  }
  assert.deepEqual(
    turnout.routes().map(({ path }) => path),
    ['/a'],
  )
  assert.deepEqual(told, ['TURNOUT_MODULE_NAME_TAKEN'])
})

type Step = {
  readonly kind: 'module' | 'remove' | 'rollback' | 'route' | 'turn'
  readonly at: number
}

const steps = fc.array(
  fc.record<Step>({
    kind: fc.constantFrom('module', 'remove', 'rollback', 'route', 'turn'),
    at: fc.nat(9),
  }),
  { maxLength: 60 },
)

test('a storm of changes leaves the live table the published one, and nothing open that it does not name', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (storm) => {
      const turnout = createTurnout({ logger: false, keepRevisions: 5 })
      let open = 0
      let made = 0
      const numbers: number[] = []
      turnout.on('applied', ({ revision }) => {
        numbers.push(revision.number)
        throw new Error('a listener that throws')
      })
      const wild = (at: number): AnyRouteModule => {
        made += 1
        const serial = made
        return defineModule({
          name: `m${at % 3}`,
          version: `1.0.${serial}`,
          state: {
            create: () => ({}),
            migrate: (old: object) => {
              if (at === 7) throw new Error('a migration that throws')
              return { ...old }
            },
          },
          register(routes, { onDispose, services }) {
            open += weight(services)
            onDispose(() => void (open -= weight(services)))
            if (at === 8) throw new Error('a registration that throws')
            routes.get(`/m${at % 3}`, (c) => c.text(`${serial}`))
            if (at === 9) routes.get('/shared', (c) => c.text(`${serial}`))
          },
        })
      }
      const ended: Promise<unknown>[] = []
      const start = (change: Promise<unknown>): void => {
        change.catch(() => undefined)
        ended.push(change)
      }
      for (const { kind, at } of storm) {
        if (kind === 'module') start(turnout.module(wild(at)))
        else if (kind === 'rollback') start(turnout.rollback(Math.max(0, turnout.revision - at)))
        else if (kind === 'remove') {
          start(turnout.update((change) => void change.removeModule(`m${at % 3}`)))
        } else if (kind === 'turn') await new Promise((resolve) => setImmediate(resolve))
        else {
          try {
            turnout.get(`/r${at}`, (c) => c.text('route'))
          } catch (error) {
            assert.equal((error as { code?: string }).code, 'TURNOUT_ROUTE_CONFLICT')
          }
        }
      }
      for (const outcome of await Promise.allSettled(ended)) {
        if (outcome.status === 'rejected') {
          assert.match((outcome.reason as { code?: string }).code ?? '', /^TURNOUT_/)
        }
      }
      assert.deepEqual(
        numbers,
        [...new Set(numbers)].toSorted((a, b) => a - b),
      )
      const rows = turnout.routes()
      for (const { path } of rows) {
        const { status } = await turnout.fetch(new Request(`http://test${path}`))
        assert.equal(status, 200, path)
      }
      await new Promise((resolve) => setImmediate(resolve))
      const named = new Set(rows.flatMap(({ module }) => module ?? []))
      assert.equal(open, named.size)
      assert.deepEqual(turnout.draining, [])
      await turnout.close()
      assert.equal(open, 0)
    }),
    { numRuns: 60 },
  )
})
