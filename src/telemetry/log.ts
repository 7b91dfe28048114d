import { constants, fstatSync, openSync } from 'node:fs'
import { destination as openDestination } from 'pino'
import { createNames, logLine } from '../core/log-json.ts'
import type { LogFields, LogLevel, Logger } from '../core/logger.ts'
import { prettyLine } from './pretty-line.ts'
import { runTraceId } from './run-id.ts'

/** Where lines go: one call a line, newline included. It must not block. */
export interface LogDestination {
  write(line: string): unknown
}

/** How the default logger is made. */
export interface LoggerOptions {
  /** Quietest level that is written. Default `info`. */
  readonly level?: LogLevel
  /** Default: standard error, written in the background. */
  readonly destination?: LogDestination
  /** Value of `service_name`. Default `turnout`. */
  readonly serviceName?: string
  /** One short line for people instead of JSON. Default: when the default destination is a terminal. */
  readonly pretty?: boolean
  /** Colours in the short line. Default: as `pretty` is by default. */
  readonly colour?: boolean
  /** Names of fields whose values are left out, beside the usual ones. */
  readonly redact?: readonly string[]
  /** Place of the worker process whose lines they are. */
  readonly worker?: number
  /** Messages that people are told in another way: not written where `pretty`. */
  readonly told?: readonly string[]
}

const noFields: LogFields = Object.freeze({})

const rank: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 }

let dropped = 0

/** Lines that standard error did not take, since the process has begun. */
export const droppedLines = (): number => dropped

// What is waiting beyond this is dropped: a reader that has stopped must not fill the memory.
const LARGEST_BACKLOG_BYTES = 16 * 1024 * 1024

// A write is a hand-over to another thread, which costs as much as making a dozen lines.
const GATHER_MS = 10
const GATHER_LENGTH = 16_384
// Of several processes, writes up to this length do not get into each other in one pipe (PIPE_BUF of Linux).
const PIPE_LENGTH = 4_096

const LONGEST_FLUSH_MS = 500
const RETRY_MS = 2

/**
 * A write to a pipe or terminal that nobody reads blocks its thread, and with it the end of the process.
 * Opened anew it has flags of its own, so that it can say "not now" while standard error stays as the
 * host has set it. A file is not opened anew (it would be written from its start), a socket cannot be.
 */
const openDescriptor = (): number => {
  try {
    const status = fstatSync(2)
    if (!status.isFIFO() && !status.isCharacterDevice()) return 2
    return openSync('/dev/stderr', constants.O_WRONLY | (constants.O_NONBLOCK ?? 0))
  } catch {
    return 2
  }
}

/** Where whole lines go. */
interface Sink {
  /** `isUrgent`: whoever ends the process next must not take it along. */
  write(line: string, isUrgent: boolean): void
}

const countLines = (text: string): number => text.split('\n').length - 1

/** Bytes of one write. */
const writeLength = (): number => {
  try {
    const status = fstatSync(2)
    return status.isFile() || status.isCharacterDevice() ? GATHER_LENGTH : PIPE_LENGTH
  } catch {
    return PIPE_LENGTH
  }
}

const openStandardError = (reportDropped: (count: number) => void): Sink => {
  const most = writeLength()
  let flushEndsAt = 0
  const stream = openDestination({
    fd: openDescriptor(),
    sync: false,
    // Nothing waits for more, yet `flush` does nothing at the default of 0.
    minLength: 1,
    maxWrite: most,
    maxLength: LARGEST_BACKLOG_BYTES,
    retryEAGAIN: () => Date.now() < flushEndsAt,
  })
  let retry: NodeJS.Timeout | undefined
  stream.on('error', ({ code }: NodeJS.ErrnoException) => {
    // A closed standard error is no reason to stop serving. "Not now" is asked again soon: the stream's
    // own pause of 100 ms would let a pipe of 64 KB carry less than a busy server says.
    if (code === 'EPIPE') {
      stream.write = (text) => {
        dropped += countLines(text)
        return true
      }
    }
    if (code !== 'EAGAIN' || retry !== undefined) return
    retry = setTimeout(() => {
      retry = undefined
      stream.flush()
    }, RETRY_MS)
    retry.unref()
  })
  let told = 0
  stream.on('drop', (text: string) => {
    dropped += countLines(text)
  })
  stream.on('drain', () => {
    if (dropped === told) return
    const count = dropped - told
    told = dropped
    reportDropped(count)
  })
  let gathered = ''
  let timer: NodeJS.Timeout | undefined
  const pass = (): void => {
    clearTimeout(timer)
    timer = undefined
    const text = gathered
    gathered = ''
    if (text !== '') stream.write(text)
  }
  const flush = stream.flushSync.bind(stream)
  stream.flushSync = () => {
    pass()
    flushEndsAt = Date.now() + LONGEST_FLUSH_MS
    try {
      flush()
    } catch {
      // The reader has stopped or gone; the process ends all the same.
    }
  }
  return {
    write(line, isUrgent) {
      if (gathered.length + line.length > most) pass()
      gathered += line
      if (isUrgent) pass()
      else timer ??= setTimeout(pass, GATHER_MS)
    },
  }
}

/** A destination of the host's that fails must not end an exchange; there is nowhere left to say so. */
const guardDestination = (destination: LogDestination): Sink => ({
  write(line) {
    try {
      destination.write(line)
    } catch {}
  },
})

/**
 * The default logger: one JSON object a line with `timestamp` (ms since the epoch), `level`, `service_name`, `trace_id`,
 * `message` and the fields of the call; an error among them becomes type, message and stack.
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { level: quietest = 'info', serviceName = 'turnout', redact, told = [], worker } = options
  const onTerminal = options.destination === undefined && process.stderr.isTTY
  const { pretty = onTerminal, colour = onTerminal } = options
  const { destination } = options
  const lines: Sink =
    destination === undefined
      ? openStandardError((count) =>
          write('warn', 'log lines were dropped', { dropped_lines: count }),
        )
      : guardDestination(destination)
  const names = createNames(redact)
  const service = JSON.stringify(serviceName)
  // To copy the fields of each line for it would cost more than all the rest of the line.
  const own = worker === undefined ? '' : `,"worker":${worker}`
  const quiet = new Set(pretty ? told : [])
  const write = (level: LogLevel, message: string, fields: LogFields = noFields): void => {
    if (rank[level] < rank[quietest] || quiet.has(message)) return
    const head = { timestamp: Date.now(), level, service, traceId: runTraceId, own }
    const line = logLine(head, message, fields, names)
    lines.write(pretty ? prettyLine(line, colour) : line, pretty || rank[level] >= rank.warn)
  }
  return {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
  }
}
