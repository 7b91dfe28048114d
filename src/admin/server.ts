import { createServer as createPlain, type RequestListener, type Server } from 'node:http'
import { createServer as createSecure } from 'node:https'
import { isIP, type AddressInfo, type Socket } from 'node:net'
import { TurnoutError } from '../core/errors.ts'
import { createAdmin } from './admin.ts'
import type { AdminAddress, AdminOptions } from './context.ts'

export interface AdminListenOptions {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  /** Key and certificate in PEM; needed for any address beyond loopback. */
  readonly tls?: { readonly key: string; readonly cert: string }
}

/** The admin API on a listener of its own. Open/close. */
export interface AdminServer extends AdminAddress {
  readonly url: string
  /** Takes nothing new, ends what follows events, lets the rest end until the deadline. */
  close(deadlineMs: number): Promise<void>
}

const maxConnections = 512
const limits = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16 * 1024,
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))

/**
 * Binds the admin API. Rejects with TURNOUT_ADMIN_EXPOSED for an address beyond loopback without TLS, or
 * TURNOUT_LISTEN_FAILED.
 */
export async function openAdminServer(
  options: AdminOptions,
  { host, port, tls }: AdminListenOptions,
): Promise<AdminServer> {
  if (tls === undefined && !isLoopback(host))
    throw new TurnoutError('TURNOUT_ADMIN_EXPOSED', { host })
  let bound: AdminAddress | null = null
  const handler = createAdmin(options, () => bound)
  const silent = new Set<Socket>()
  const listener: RequestListener = (request, response) => {
    silent.delete(request.socket)
    handler.handle(request, response)
  }
  const server =
    tls === undefined
      ? createPlain(limits, listener)
      : createSecure({ ...limits, ...tls }, listener)
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    silent.add(socket)
    socket.once('close', () => silent.delete(socket))
  })
  server.maxConnections = maxConnections
  // Who neither reads nor sends holds a place; events have a heartbeat.
  server.timeout = 120_000
  // With a limit, Node 20 drops fields past it silently while its parser still obeys them (CVE-2026-58044).
  server.maxHeadersCount = 0
  // The body is asked for when it is known that it will be read.
  server.on('checkContinue', listener)
  const address = await bind(server, host, port).catch((error: unknown) => {
    handler.close()
    throw error
  })
  bound = { host, port: address.port }
  const shown = isIP(host) === 6 ? `[${host}]` : host
  return {
    ...bound,
    url: `${tls === undefined ? 'http' : 'https'}://${shown}:${address.port}`,
    close: (deadlineMs) => {
      handler.close()
      return drain(server, silent, deadlineMs)
    },
  }
}

const bind = (server: Server, host: string, port: number): Promise<AddressInfo> =>
  new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code ?? error.message
      reject(new TurnoutError('TURNOUT_LISTEN_FAILED', { host, port, reason }, { cause: error }))
    })
    server.listen({ host, port }, () => resolve(server.address() as AddressInfo))
  })

/** For so long a request may be on its way on a connection that has brought none. */
const silentMs = 1_000

const drain = (server: Server, silent: ReadonlySet<Socket>, deadlineMs: number): Promise<void> =>
  new Promise((resolve) => {
    const deadline = setTimeout(() => server.closeAllConnections(), deadlineMs)
    // A stream of events that was ended leaves a connection that its client keeps.
    const idle = setInterval(() => server.closeIdleConnections(), 100)
    // Clients open connections before they need them, and those are not idle to Node.
    const unused = setTimeout(() => {
      for (const socket of silent) socket.destroy()
    }, silentMs)
    server.close(() => {
      for (const timer of [deadline, idle, unused]) clearTimeout(timer)
      resolve()
    })
    server.closeIdleConnections()
  })
