import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { silentLogger } from '../../src/core/logger.ts'
import { Keeper } from '../../src/modules/isolated/keeper.ts'
import type { HostProcess } from '../../src/modules/isolated/host-process.ts'

interface Fake {
  readonly host: HostProcess
  readonly die: () => void
  readonly isDead: () => boolean
}

/** Processes that the test lets die. */
const fakes = (): { readonly all: Fake[]; readonly make: () => HostProcess } => {
  const all: Fake[] = []
  const make = (): HostProcess => {
    let isDead = false
    let die = (): void => undefined
    const ended = new Promise<string>((resolve) => {
      die = () => {
        isDead = true
        resolve('the test said so')
      }
    })
    const dispose = async (): Promise<void> => die()
    const host = { ended, dispose, startedAt: performance.now(), onLook: null, rssBytes: 0 }
    all.push({ host: host as unknown as HostProcess, die, isDead: () => isDead })
    return host as unknown as HostProcess
  }
  return { all, make }
}

/** Lets what is waiting in promises come to its end. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}

const openKeeper = (t: TestContext, start: () => HostProcess) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const lines: string[] = []
  const log = { ...silentLogger, error: (message: string) => void lines.push(message) }
  const keeper = new Keeper({
    start: async () => start(),
    onServing: () => undefined,
    drained: async () => undefined,
    memoryMb: null,
    log,
  })
  return { keeper, lines }
}

test('one that dies at once is started again later each time, and after ten deaths no more', async (t) => {
  const { all, make } = fakes()
  const { keeper, lines } = openKeeper(t, make)
  keeper.take(make())
  const waits: number[] = []
  for (let deaths = 1; deaths < 10; deaths += 1) {
    all.at(-1)!.die()
    await settle()
    assert.equal(keeper.serving, null)
    const before = all.length
    let waited = 0
    while (all.length === before) {
      t.mock.timers.tick(100)
      waited += 100
      await settle()
    }
    waits.push(waited)
    assert.equal(keeper.serving, all.at(-1)!.host)
  }
  assert.deepEqual(waits, [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600])
  all.at(-1)!.die()
  await settle()
  t.mock.timers.tick(3_600_000)
  await settle()
  assert.equal(all.length, 10)
  assert.equal(keeper.serving, null)
  assert.equal(lines.at(-1), 'an isolated module stays down until it is replaced')
})

test('one that does not start counts as dead', async (t) => {
  const { all, make } = fakes()
  let tries = 0
  const { keeper, lines } = openKeeper(t, () => {
    tries += 1
    throw new Error('no')
  })
  keeper.take(make())
  all[0]!.die()
  for (let tick = 0; tick < 2_000; tick += 1) {
    await settle()
    t.mock.timers.tick(100)
  }
  assert.equal(tries, 9)
  assert.equal(lines.at(-1), 'an isolated module stays down until it is replaced')
})

test('closed while it waits, it starts nothing more', async (t) => {
  const { all, make } = fakes()
  const { keeper } = openKeeper(t, make)
  keeper.take(make())
  all[0]!.die()
  await settle()
  await keeper.close()
  t.mock.timers.tick(60_000)
  await settle()
  assert.equal(all.length, 1)
})

test('closed while one starts, that one is disposed of', async (t) => {
  const { all, make } = fakes()
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let go = (): void => undefined
  const keeper = new Keeper({
    start: () =>
      new Promise((resolve) => {
        go = () => resolve(make())
      }),
    onServing: () => undefined,
    drained: async () => undefined,
    memoryMb: null,
    log: silentLogger,
  })
  keeper.take(make())
  all[0]!.die()
  await settle()
  t.mock.timers.tick(100)
  await settle()
  const closed = keeper.close()
  go()
  await closed
  assert.equal(all.length, 2)
  assert.equal(all[1]!.isDead(), true)
})
