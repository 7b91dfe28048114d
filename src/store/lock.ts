import { randomBytes } from 'node:crypto'
import { link, readFile, readdir, readlink, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { TurnoutError } from '../core/errors.ts'
import { unfinished } from './durable-file.ts'

/*
 * One instance for each data folder. The lock is the file `lock-N` with the highest N; whoever creates `lock-(N+1)`
 * takes over from a holder that is gone. Creating is atomic (a link of a file that is whole already), so of several
 * that try, one wins. A holder that leaves only marks its file, so the highest N never goes back.
 */

interface Holder {
  readonly pid: number
  /** When the process started, in ticks since boot: tells a holder from a later process with its pid. */
  readonly started: string | null
  readonly boot: string | null
  /** Namespace of pids: in another container, the same pid is another process. */
  readonly namespace: string | null
}

const prefix = 'lock-'
const beatMs = 1000
const attempts = 20

const orNull = (reading: Promise<string>): Promise<string | null> =>
  reading.then(
    (text) => text.trim(),
    () => null,
  )

/**
 * Null: the process is gone, or ended and not yet waited for. The name of the program may have spaces and brackets, so
 * fields are counted after its last bracket.
 */
const startOf = async (pid: number | 'self'): Promise<string | null> => {
  const text = await orNull(readFile(`/proc/${pid}/stat`, 'utf8'))
  const [state, ...fields] = text?.slice(text.lastIndexOf(')') + 2).split(' ') ?? []
  return state === 'Z' || state === 'X' ? null : (fields[18] ?? null)
}

const describeSelf = async (): Promise<Holder> => ({
  pid: process.pid,
  started: await startOf('self'),
  boot: await orNull(readFile('/proc/sys/kernel/random/boot_id', 'utf8')),
  namespace: await orNull(readlink('/proc/self/ns/pid')),
})

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Whether the file of a holder whose process cannot be seen from here is touched regularly. */
const isBeating = async (path: string): Promise<boolean> => {
  const before = await stat(path).catch(() => null)
  await wait(3 * beatMs)
  const after = await stat(path).catch(() => null)
  return after !== null && after.mtimeMs !== before?.mtimeMs
}

const isHeld = async (path: string, holder: Holder, self: Holder): Promise<boolean> => {
  if (holder.boot !== self.boot) return false
  if (holder.namespace !== self.namespace) return isBeating(path)
  if (!isRunning(holder.pid)) return false
  return holder.started === null || (await startOf(holder.pid)) === holder.started
}

/** Null: the holder left, or its file was cut short by power loss. */
const readHolder = async (path: string): Promise<Holder | null> => {
  try {
    const holder = JSON.parse(await readFile(path, 'utf8')) as Holder | null
    return typeof holder?.pid === 'number' ? holder : null
  } catch {
    return null
  }
}

const locksIn = async (directory: string): Promise<number[]> =>
  (await readdir(directory))
    .map((name) => /^lock-(\d+)$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((left, right) => left - right)

/** Acquire/release. Resolves with the function that releases; rejects with TURNOUT_STORE_LOCKED naming the holder. */
export async function acquireLock(directory: string): Promise<() => Promise<void>> {
  const self = await describeSelf()
  const pathOf = (number: number): string => join(directory, `${prefix}${number}`)
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const newest = (await locksIn(directory)).at(-1) ?? 0
    const holder = newest === 0 ? null : await readHolder(pathOf(newest))
    if (holder !== null && (await isHeld(pathOf(newest), holder, self)))
      throw new TurnoutError('TURNOUT_STORE_LOCKED', { directory, pid: holder.pid })

    const mine = newest + 1
    const draft = join(directory, `${prefix}${randomBytes(6).toString('hex')}${unfinished}`)
    await writeFile(draft, JSON.stringify(self), { mode: 0o600 })
    const won = await link(draft, pathOf(mine)).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST' || error.code === 'ENOENT') return false
        throw error
      },
    )
    await rm(draft, { force: true })
    if (!won) continue
    const locks = await locksIn(directory)
    if (locks.at(-1) !== mine) {
      // Another one took over long ago and deleted the lock that was looked at: mine is an old number.
      await rm(pathOf(mine), { force: true })
      continue
    }
    for (const old of locks) if (old < mine) await rm(pathOf(old), { force: true })
    const beat = setInterval(() => {
      const now = new Date()
      utimes(pathOf(mine), now, now).catch(() => undefined)
    }, beatMs).unref()
    return async () => {
      clearInterval(beat)
      await writeFile(pathOf(mine), 'null', { mode: 0o600 }).catch(() => undefined)
    }
  }
  throw new TurnoutError('TURNOUT_STORE_LOCKED', { directory, pid: 'unknown' })
}
