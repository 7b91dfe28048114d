import { readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { TurnoutError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { thrownMessage } from '../core/thrown.ts'
import { openAppendLog, type AppendLog } from '../store/append-log.ts'
import { writeDurably } from '../store/durable-file.ts'
import {
  chainLine,
  emptyChain,
  readChain,
  type AuditEntry,
  type AuditReading,
  type ChainHead,
  type OpenIntent,
} from './audit-chain.ts'

/** The audit log of an instance. Open/close. */
export interface Audit {
  /** Resolves when the record is on the disk. Rejects with TURNOUT_AUDIT_FAILED. */
  write(entry: AuditEntry): Promise<void>
  /** Of what is on the disk: to be kept elsewhere, so that a log that was cut short is found. */
  readonly head: ChainHead
  close(): Promise<void>
}

/** What is being served, for the records of a start. */
interface Serving {
  readonly revision: number
  readonly digest: string
}

interface Waiting {
  readonly at: string
  readonly entry: AuditEntry
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

const headEveryMs = 1_000
/** How long a result waits for others to share its sync: it is no promise to anybody, and its intent is on the disk. */
const resultWaitMs = 100
const headSchema = z.strictObject({ records: z.number(), hash: z.string() })

/** Names of the two files in a data folder. The second says how long the first has to be at least. */
const logFile = 'audit.ndjson'
const headFile = 'audit.head'

const readHead = async (directory: string): Promise<ChainHead> => {
  try {
    const parsed = headSchema.safeParse(
      JSON.parse(await readFile(join(directory, headFile), 'utf8')),
    )
    return parsed.data ?? emptyChain
  } catch {
    return emptyChain
  }
}

interface OpenedChain {
  readonly log: AppendLog
  readonly head: ChainHead
  readonly open: readonly OpenIntent[]
  /** Name of the file that was put aside. */
  readonly damaged: string | null
}

/** The log, checked. Opening it first cuts off a last line that a crash has left without its end. */
const openChain = async (
  directory: string,
  { logger, now }: { readonly logger: Logger; readonly now: () => number },
): Promise<OpenedChain> => {
  const path = join(directory, logFile)
  const log = await openAppendLog(path)
  const { head, open, fault } = await verifyAudit(directory)
  if (fault === null) return { log, head, open, damaged: null }
  const damaged = `audit-damaged-${now()}.ndjson`
  logger.error('the audit log was changed by somebody else', { ...fault, file: damaged })
  await log.close()
  await rename(path, join(directory, damaged))
  await rm(join(directory, headFile), { force: true })
  return { log: await openAppendLog(path), head: emptyChain, open, damaged }
}

/** Reads and checks the audit log of a data folder, and whether it is as long as it once was. */
export async function verifyAudit(directory: string): Promise<AuditReading> {
  const reading = await readChain(join(directory, logFile))
  const { records } = await readHead(directory)
  if (reading.fault !== null || reading.head.records >= records) return reading
  const reason = `the end was cut off: there were ${records} records`
  return { ...reading, fault: { line: reading.head.records + 1, reason } }
}

/**
 * Opens `audit.ndjson` of a data folder and goes on with its chain. Intents that the process before did not outlive
 * are marked. A log that was tampered with is evidence: it is told loudly, put aside, and a new one begins, which names
 * it in its first record.
 *
 * Rejects with TURNOUT_AUDIT_FAILED.
 */
export async function openAudit(
  directory: string,
  serving: Serving,
  options: { readonly logger: Logger; readonly now: () => number },
): Promise<Audit> {
  const failed = (error: unknown): TurnoutError =>
    new TurnoutError('TURNOUT_AUDIT_FAILED', { reason: thrownMessage(error) }, { cause: error })
  const {
    log,
    head: end,
    open,
    damaged,
  } = await openChain(directory, options).catch((error: unknown) => {
    throw failed(error)
  })
  let head = end
  let waiting: Waiting[] = []
  let writing: Promise<void> | null = null
  let headTimer: NodeJS.Timeout | null = null
  let resultTimer: NodeJS.Timeout | null = null

  const saveHead = async (): Promise<void> => {
    headTimer = null
    const path = join(directory, headFile)
    await writeDurably(path, JSON.stringify(head), 'audit.head').catch((error: unknown) => {
      options.logger.warn('cannot write audit.head', { error: thrownMessage(error) })
    })
  }
  /** The chain is made in the order of the disk: lines that could not be written are no part of it. */
  const writeAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      let next = head
      const lines = batch.map(({ at, entry }) => {
        const { line, head } = chainLine(next, at, entry)
        next = head
        return line
      })
      try {
        await log.appendAll(lines)
        head = next
        headTimer ??= setTimeout(() => void saveHead(), headEveryMs).unref()
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(failed(error))
      }
    }
    writing = null
  }
  const start = (): void => {
    if (resultTimer !== null) clearTimeout(resultTimer)
    resultTimer = null
    // With nothing to write it would end before it is assigned, and nothing would be written after it.
    if (waiting.length > 0) writing ??= writeAll()
  }
  const write = (entry: AuditEntry): Promise<void> =>
    new Promise((resolve, reject) => {
      waiting.push({ at: new Date(options.now()).toISOString(), entry, resolve, reject })
      if (entry.kind === 'result') resultTimer ??= setTimeout(start, resultWaitMs)
      else start()
    })

  await write({ kind: 'opened', ...serving, damaged })
  for (const { id, digest } of open) {
    // What is served is what was served when the request came: nothing came of it.
    const kind = digest === serving.digest ? 'aborted' : 'unknown'
    await write({ kind, id, ...serving })
  }
  return {
    write,
    get head() {
      return head
    },
    close: async () => {
      if (waiting.length > 0) start()
      await writing
      if (headTimer !== null) clearTimeout(headTimer)
      await saveHead()
      await log.close()
    },
  }
}
