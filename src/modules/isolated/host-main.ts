import { rmSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { TurnoutError } from '../../core/errors.ts'
import { createNames, plainFields } from '../../core/log-json.ts'
import type { Logger, LogFields, LogLevel } from '../../core/logger.ts'
import type { Transport } from '../../gateway/transport.ts'
import { authorProblem, mapError } from '../report.ts'
import type { ServiceSet } from '../services.ts'
import { installStackMapping } from '../source-map.ts'
import type { Envelope } from './envelope.ts'
import { IsolatedHost } from './host.ts'
import type { HostOrder, HostReply, HostRequest } from './messages.ts'

/** What the process of an isolated module is given from the floors above. */
export interface HostEdges {
  /** The services of its order; `null` where it has no config. */
  readonly services: (configFile: string) => Promise<ServiceSet>
  readonly listen: (
    order: HostOrder,
    serve: (transport: Transport, envelope: Envelope) => Promise<void>,
  ) => Promise<void>
}

/** What the worker leaves out besides, it leaves out itself. */
const names = createNames()
/** Lines of the log that may be on their way at once. */
const mostLines = 1_000
/** How often the process looks whether anybody is left that it works for. */
const lookMs = 250

/** Runs the process: its argv are the id of its parent and the folder of its socket. */
export function runHost({ services: servicesOf, listen }: HostEdges): void {
  const [, , parent = '', folder = ''] = process.argv
  // Module code may replace or remove them.
  const send = process.send!.bind(process)
  const exit = process.exit.bind(process)
  let host: IsolatedHost | null = null
  let opened: ServiceSet | null = null
  let lines = 0
  let droppedLines = 0

  const reply = (message: HostReply, sent: () => void = () => undefined): void => {
    send(message, undefined, undefined, sent)
  }
  const write = (level: LogLevel, message: string, fields: LogFields | undefined): void => {
    if (lines >= mostLines) {
      droppedLines += 1
      return
    }
    lines += 1
    reply({ kind: 'log', level, message, fields: fields && plainFields(fields, names) }, () => {
      lines -= 1
      if (lines > 0 || droppedLines === 0) return
      const dropped = droppedLines
      droppedLines = 0
      write('warn', 'log lines were dropped', { dropped_lines: dropped })
    })
  }
  const log: Logger = {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
  }

  const open = async (order: HostOrder): Promise<unknown> => {
    const { configFile, services, elsewhere } = order
    opened = configFile === null ? null : await servicesOf(configFile)
    const own = { ...services, ...(await opened?.open()) }
    const made = await IsolatedHost.open(order, withRefusals(own, elsewhere), log)
    host = made
    await listen(order, (transport, envelope) => made.serve(transport, envelope))
    return made.listing
  }
  const dispose = async (): Promise<void> => {
    await host?.close()
    await opened?.close((error) => log.error('a service did not close', mapError(error)))
  }
  const run = async (
    request: Exclude<HostRequest, { readonly kind: 'ping' }>,
  ): Promise<unknown> => {
    switch (request.kind) {
      case 'open':
        return await open(request.order)
      case 'state':
        return host?.state
      case 'settle':
        return host?.settle(request.other)
      case 'dispose':
        return await dispose()
      default:
        return request satisfies never
    }
  }
  const answer = async (
    request: Exclude<HostRequest, { readonly kind: 'ping' }>,
  ): Promise<void> => {
    const { id, kind } = request
    const ended = kind === 'dispose' ? () => exit(0) : undefined
    try {
      reply({ kind: 'done', id, value: await run(request) }, ended)
    } catch (error) {
      const file = request.kind === 'open' ? request.order.file : null
      const problem = authorProblem(error, { module: host?.listing.name ?? '', file })
      reply({ kind: 'failed', id, problem }, ended)
    }
  }

  installStackMapping()
  watchParent(Number(parent), folder)
  process.on('disconnect', () => {
    rmSync(folder, { recursive: true, force: true })
    exit(0)
  })
  // Signals to the whole group are for the worker, which lets exchanges end first.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
  process.on('uncaughtException', (error) => log.error('an error nobody caught', mapError(error)))
  process.on('unhandledRejection', (error) =>
    log.error('a rejection nobody handled', mapError(error)),
  )
  process.on('message', (message) => {
    const request = message as HostRequest
    if (request.kind === 'ping') reply({ kind: 'pong', rssBytes: process.memoryUsage.rss() })
    else void answer(request)
  })
}

/** Services that another process has fail as soon as they are asked for: a call much later would be a riddle. */
const withRefusals = (
  services: Record<string, unknown>,
  elsewhere: readonly string[],
): Record<string, unknown> => {
  for (const service of elsewhere) {
    if (Object.hasOwn(services, service)) continue
    const get = (): never => {
      throw new TurnoutError('TURNOUT_SERVICE_ELSEWHERE', { service })
    }
    Object.defineProperty(services, service, { get, enumerable: false })
  }
  return services
}

/** A thread that ends this process when its parent is gone: the process itself may be in an endless loop. */
function watchParent(parent: number, folder: string): void {
  const code = `const { workerData: { parent, folder, lookMs } } = require('node:worker_threads')
const { rmSync } = require('node:fs')
setInterval(() => {
  let isThere = process.platform === 'win32' || process.ppid === parent
  try { process.kill(parent, 0) } catch (error) { if (error.code === 'ESRCH') isThere = false }
  if (isThere) return
  rmSync(folder, { recursive: true, force: true })
  process.kill(process.pid, 'SIGKILL')
}, lookMs)`
  const thread = new Worker(code, { eval: true, workerData: { parent, folder, lookMs } })
  thread.unref()
}
