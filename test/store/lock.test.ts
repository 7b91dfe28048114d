import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeFolder, openAt } from './support/folder.ts'

const childFile = fileURLToPath(new URL('support/holder-main.js', import.meta.url))

/** A process that opens a folder and says `held` or why not, then waits for its end. */
const start = async (directory: string): Promise<{ child: ChildProcess; said: string }> => {
  const child = spawn(process.execPath, [childFile, directory], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [said] = (await once(createInterface(child.stdout), 'line')) as [string]
  return { child, said }
}

const end = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill(signal)
  await exit
}

const lockOf = (directory: string): string =>
  join(
    directory,
    readdirSync(directory)
      .filter((name) => /^lock-\d+$/.test(name))
      .sort()
      .at(-1)!,
  )

describe('the lock of a data folder', () => {
  it('refuses a second instance, in this process and in another, naming the holder', async () => {
    const directory = makeFolder()
    const { store } = await openAt(directory)
    const message = `The data folder ${directory} is in use by process ${process.pid}`
    await assert.rejects(openAt(directory), { code: 'TURNOUT_STORE_LOCKED', message })
    const { child, said } = await start(directory)
    assert.equal(said, `TURNOUT_STORE_LOCKED ${message}`)
    await end(child, 'SIGTERM')
    await store.close()
    const after = await start(directory)
    assert.equal(after.said, 'held')
    await end(after.child, 'SIGKILL')
  })

  it('is taken over from a process that was killed', async () => {
    const directory = makeFolder()
    const { child, said } = await start(directory)
    assert.equal(said, 'held')
    await assert.rejects(openAt(directory), { message: new RegExp(`process ${child.pid}$`) })
    await end(child, 'SIGKILL')
    const { store } = await openAt(directory)
    await store.close()
    assert.equal(readdirSync(directory).filter((name) => name.startsWith('lock-')).length, 1)
  })

  const strangers: Readonly<Record<string, (holder: Record<string, unknown>) => unknown>> = {
    'a process that began at another time has its pid': (holder) => ({ ...holder, started: '1' }),
    'the machine was started anew since': (holder) => ({ ...holder, boot: 'another' }),
    'it is in another container that says no more that it lives': (holder) => ({
      ...holder,
      namespace: 'pid:[1]',
    }),
    'power loss left it without content': () => undefined,
  }
  for (const [why, change] of Object.entries(strangers))
    it(`is taken over when ${why}`, { skip: process.platform !== 'linux' }, async () => {
      const directory = makeFolder()
      const { store } = await openAt(directory)
      const path = lockOf(directory)
      const holder = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
      await store.close()
      writeFileSync(path, JSON.stringify(change(holder)) ?? '')
      const second = await openAt(directory)
      await second.store.close()
    })

  it(
    'is kept by a holder in another container that lives',
    { skip: process.platform !== 'linux' },
    async () => {
      const directory = makeFolder()
      const { store } = await openAt(directory)
      const path = lockOf(directory)
      const holder = JSON.parse(readFileSync(path, 'utf8')) as object
      writeFileSync(path, JSON.stringify({ ...holder, namespace: 'pid:[1]' }))
      await assert.rejects(openAt(directory), { code: 'TURNOUT_STORE_LOCKED' })
      await store.close()
    },
  )

  it('goes to one of several that take it over at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const directory = makeFolder()
      const first = await start(directory)
      await end(first.child, 'SIGKILL')
      const takers = await Promise.all(Array.from({ length: 5 }, () => start(directory)))
      const held = takers.filter(({ said }) => said === 'held')
      assert.equal(held.length, 1, takers.map(({ said }) => said).join('\n'))
      for (const { said } of takers)
        assert.match(said, /^held$|^TURNOUT_STORE_LOCKED .* is in use by process \d+$/)
      await Promise.all(takers.map(({ child }) => end(child, 'SIGKILL')))
    }
  })
})

describe('a data folder', { skip: process.platform === 'win32' }, () => {
  it('is 0700 and its files 0600', async () => {
    const directory = join(makeFolder(), 'new/data')
    const { store } = await openAt(directory)
    await store.close()
    const modes = (folder: string): void => {
      assert.equal(statSync(folder).mode & 0o777, 0o700, folder)
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name)
        if (entry.isDirectory()) modes(path)
        else assert.equal(statSync(path).mode & 0o777, 0o600, path)
      }
    }
    modes(directory)
  })

  it('that everybody may write into is refused', async () => {
    const directory = join(makeFolder(), 'open')
    mkdirSync(directory)
    chmodSync(directory, 0o777)
    await assert.rejects(openAt(directory), { code: 'TURNOUT_STORE_UNSAFE' })
    assert.deepEqual(readdirSync(directory), [])
  })

  it('that is a file is refused with a reason', async () => {
    const path = join(makeFolder(), 'file')
    writeFileSync(path, '')
    await assert.rejects(openAt(path), { code: 'TURNOUT_STORE_FAILED', message: /EEXIST|ENOTDIR/ })
  })
})
