import { open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { TurnoutError } from '../core/errors.ts'
import { thrownMessage } from '../core/thrown.ts'
import { syncFolder, writeAll } from './durable-file.ts'

/** A file of lines that only grows. Open/close. */
export interface AppendLog {
  /**
   * Resolves when the line is on the disk. Lines that come while others are being written share the next sync.
   * Rejects with TURNOUT_STORE_FAILED; the line is then not in the log, and the next append tries the disk anew.
   */
  append(line: string): Promise<void>
  /** The same for lines that say something of each other: they share one sync, and fail together. */
  appendAll(lines: readonly string[]): Promise<void>
  /** Resolves when every line that came so far has ended. */
  close(): Promise<void>
}

interface Waiting {
  readonly bytes: Buffer
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

const maxWaitingBytes = 16 * 1024 * 1024
const newline = 10

/** Where the last whole line ends. Read backwards in blocks: the log may be large. */
async function endOfLines(handle: FileHandle): Promise<number> {
  const block = Buffer.alloc(64 * 1024)
  let end = (await handle.stat()).size
  while (end > 0) {
    const start = Math.max(0, end - block.length)
    const { bytesRead } = await handle.read(block, 0, end - start, start)
    const at = block.subarray(0, bytesRead).lastIndexOf(newline)
    if (at !== -1) return start + at + 1
    end = start
  }
  return 0
}

/**
 * Opens the log, or creates it with mode 0600. A last line without its end was never acknowledged and is cut off.
 * Rejects with TURNOUT_STORE_FAILED.
 */
export async function openAppendLog(path: string): Promise<AppendLog> {
  const failed = (error: unknown): TurnoutError =>
    new TurnoutError('TURNOUT_STORE_FAILED', { reason: thrownMessage(error) }, { cause: error })
  let handle: FileHandle | null = null
  let size = 0
  let waiting: Waiting[] = []
  let waitingBytes = 0
  let writing: Promise<void> | null = null
  let isClosed = false

  /** `length` null: to the last whole line. */
  const start = async (length: number | null): Promise<FileHandle> => {
    const opened = await open(path, 'a+', 0o600)
    try {
      const found = (await opened.stat()).size
      size = Math.min(found, length ?? (await endOfLines(opened)))
      if (found > size) await opened.truncate(size)
      await opened.sync()
      await syncFolder(dirname(path))
      return opened
    } catch (error) {
      await opened.close()
      throw error
    }
  }

  const write = async (): Promise<void> => {
    while (waiting.length > 0) {
      const lines = waiting
      waiting = []
      waitingBytes = 0
      try {
        // After a failure the descriptor is given up: what a sync says once an earlier one failed means nothing.
        handle ??= await start(size)
        const bytes = Buffer.concat(lines.map((line) => line.bytes))
        await writeAll(handle, bytes)
        await handle.datasync()
        size += bytes.length
        for (const line of lines) line.resolve()
      } catch (error) {
        await handle?.close().catch(() => undefined)
        handle = null
        for (const line of lines) line.reject(failed(error))
      }
    }
    writing = null
  }

  handle = await start(null).catch((error: unknown) => {
    throw failed(error)
  })
  const appendAll = (lines: readonly string[]): Promise<void> =>
    new Promise((resolve, reject) => {
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
      if (isClosed) reject(failed('the log is closed'))
      else if (lines.some((line) => line.includes('\n')))
        reject(failed('a line of the log has a line break in it'))
      else if (waitingBytes + bytes.length > maxWaitingBytes && waiting.length > 0)
        reject(failed('the disk does not keep up'))
      else {
        waiting.push({ bytes, resolve, reject })
        waitingBytes += bytes.length
        writing ??= write()
      }
    })
  return {
    append: (line) => appendAll([line]),
    appendAll,
    close: async () => {
      isClosed = true
      await writing
      await handle?.close()
      handle = null
    },
  }
}
