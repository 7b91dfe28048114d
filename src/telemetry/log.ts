import { constants, fstatSync, openSync } from 'node:fs'
import { type DestinationStream, destination as openDestination } from 'pino'
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

const openStandardError = (reportDropped: (count: number) => void): DestinationStream => {
  let flushEndsAt = 0
  const stream = openDestination({
    fd: openDescriptor(),
    sync: false,
    // Nothing waits for more, yet `flush` does nothing at the default of 0.
    minLength: 1,
    maxLength: LARGEST_BACKLOG_BYTES,
    retryEAGAIN: () => Date.now() < flushEndsAt,
  })
  let retry: NodeJS.Timeout | undefined
  stream.on('error', ({ code }: NodeJS.ErrnoException) => {
    // A closed standard error is no reason to stop serving. "Not now" is asked again soon: the stream's
    // own pause of 100 ms would let a pipe of 64 KB carry less than a busy server says.
    if (code === 'EPIPE') {
      stream.write = () => {
        dropped += 1
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
  stream.on('drop', () => {
    dropped += 1
  })
  stream.on('drain', () => {
    if (dropped === told) return
    const count = dropped - told
    told = dropped
    reportDropped(count)
  })
  const flush = stream.flushSync.bind(stream)
  stream.flushSync = () => {
    flushEndsAt = Date.now() + LONGEST_FLUSH_MS
    try {
      flush()
    } catch {
      // The reader has stopped or gone; the process ends all the same.
    }
  }
  return stream
}

/** A destination of the host's that fails must not end an exchange; there is nowhere left to say so. */
const guardDestination = (destination: LogDestination): DestinationStream => ({
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
  const { level: quietest = 'info', serviceName = 'turnout', redact, told = [] } = options
  const onTerminal = options.destination === undefined && process.stderr.isTTY
  const { pretty = onTerminal, colour = onTerminal } = options
  const { destination } = options
  const lines: DestinationStream =
    destination === undefined
      ? openStandardError((count) =>
          write('warn', 'log lines were dropped', { dropped_lines: count }),
        )
      : guardDestination(destination)
  const names = createNames(redact)
  const service = JSON.stringify(serviceName)
  const quiet = new Set(pretty ? told : [])
  const write = (level: LogLevel, message: string, fields: LogFields = noFields): void => {
    if (rank[level] < rank[quietest] || quiet.has(message)) return
    const head = { timestamp: Date.now(), level, service, traceId: runTraceId }
    const line = logLine(head, message, fields, names)
    lines.write(pretty ? prettyLine(line, colour) : line)
  }
  return {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
  }
}
