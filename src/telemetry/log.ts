import { constants, fstatSync, openSync } from 'node:fs'
import { type DestinationStream, destination as openDestination, pino } from 'pino'
import type { LogFields, LogLevel, Logger } from '../core/logger.ts'
import { prettyLine } from './pretty-line.ts'

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
}

/** Lines of this process that nobody read in time, and that were dropped. */
export const droppedLines: { count: number } = { count: 0 }

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
    if (code === 'EPIPE') stream.write = () => true
    if (code !== 'EAGAIN' || retry !== undefined) return
    retry = setTimeout(() => {
      retry = undefined
      stream.flush()
    }, RETRY_MS)
    retry.unref()
  })
  let dropped = 0
  stream.on('drop', () => {
    droppedLines.count += 1
    dropped += 1
  })
  stream.on('drain', () => {
    if (dropped === 0) return
    const count = dropped
    dropped = 0
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

const reserved = new Set(['level', 'timestamp', 'service_name', 'message'])

/** A field never replaces what every line has: JSON readers keep the last of two equal keys. */
const withoutReserved = (fields: LogFields): LogFields => {
  if (!Object.keys(fields).some((key) => reserved.has(key))) return fields
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [reserved.has(key) ? `field_${key}` : key, value]),
  )
}

/**
 * The default logger: one JSON object a line with `level`, `timestamp` (ms since the epoch),
 * `service_name`, `message` and the fields of the call; an `error` field becomes type, message and stack.
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { level = 'info', serviceName = 'turnout' } = options
  const onTerminal = options.destination === undefined && process.stderr.isTTY
  const { pretty = onTerminal, colour = onTerminal } = options
  const { destination } = options
  const lines: DestinationStream =
    destination === undefined
      ? openStandardError((count) => write('warn', 'Log lines were dropped', { dropped: count }))
      : guardDestination(destination)
  const stream: DestinationStream = pretty
    ? { write: (line) => lines.write(prettyLine(line, colour)) }
    : lines
  const target = pino(
    {
      level,
      base: { service_name: serviceName },
      messageKey: 'message',
      timestamp: () => `,"timestamp":${Date.now()}`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
    },
    stream,
  )
  const write = (method: LogLevel, message: string, fields: LogFields | undefined): void => {
    if (!target.isLevelEnabled(method)) return
    try {
      // Handed over as a value: a `%s` in a message is text, not a format.
      target[method](fields === undefined ? {} : withoutReserved(fields), '%s', message)
    } catch (error) {
      // A getter or toJSON of the caller's that throws must not end an exchange.
      target[method]({ log_failure: String(error) }, '%s', message)
    }
  }
  return {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
  }
}
