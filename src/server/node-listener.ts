import { ServerResponse, createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { TurnoutError } from '../core/errors.ts'
import { codeReply } from '../gateway/problem-reply.ts'
import type { Serve } from '../gateway/gateway.ts'
import { hasValidAuthority } from './authority.ts'
import { Connections } from './connections.ts'
import { LeanRequest } from './lean-request.ts'
import { declineUpgrade, isDeclined } from './decline-upgrade.ts'
import { NodeTransport, type UpgradeOffer } from './node-transport.ts'

/** Most header fields of one request; more is 431. Node itself drops the rest without a word on some lines. */
const maxHeaderFields = 100
const maxTargetLength = 8 * 1024
/** How long a keep-alive client has to send the request that is told to be its last. */
const graceMs = 300
/** How long a connection may stay open without a request; longer than load balancers keep theirs. */
const idleMs = 65_000

export interface ListenOptions {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
}

/** A bound socket: open/close. */
export interface Listener {
  readonly host: string
  readonly port: number
  readonly url: string
  /** Takes nothing new, lets what is in flight end until the deadline, then cuts it. Resolves with what was cut. */
  close(deadlineMs: number): Promise<number>
}

/** Handles a request of `node:http`: for our own listener, and for Express, Fastify, Connect or plain hosts. */
export type NodeHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => void

/** The same, telling its caller when the exchange has ended. */
export type NodeServe = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => void,
  upgrade?: UpgradeOffer,
) => void | Promise<void>

/** Translates `node:http` to the gateway. An error that the gateway hands back goes to `next`, or cuts the connection. */
export function createNodeServe(serve: Serve, bodyLimit: number): NodeServe {
  return (request, response, next, upgrade) => {
    const transport = new NodeTransport(request, response, bodyLimit, upgrade)
    const refused = refusal(request)
    if (refused !== null) {
      const reply = codeReply(refused)
      transport.send(reply.status, [...reply.headers, 'connection', 'close'], reply.body as string)
      return undefined
    }
    // No closure is made for an exchange that ends well in this turn, which is what most do.
    try {
      const done = serve(transport, next)
      return done?.catch((error: unknown) => handBack(transport, next, error))
    } catch (error) {
      return handBack(transport, next, error)
    }
  }
}

const handBack = (
  transport: NodeTransport,
  next: ((error?: unknown) => void) | undefined,
  error: unknown,
): void => {
  if (next === undefined) transport.destroy()
  else next(error)
}

const refusal = (
  request: IncomingMessage,
): 'TURNOUT_HEADERS_TOO_MANY' | 'TURNOUT_TARGET_TOO_LONG' | 'TURNOUT_HOST_INVALID' | null => {
  if (request.rawHeaders.length > maxHeaderFields * 2) return 'TURNOUT_HEADERS_TOO_MANY'
  if (request.url!.length > maxTargetLength) return 'TURNOUT_TARGET_TOO_LONG'
  return hasValidAuthority(request) ? null : 'TURNOUT_HOST_INVALID'
}

const bind = (server: Server, { host, port }: ListenOptions): Promise<AddressInfo> =>
  new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new TurnoutError(
          'TURNOUT_LISTEN_FAILED',
          { host, port, reason: error.code ?? error.message },
          { cause: error },
        ),
      )
    })
    server.listen({ host, port }, () => resolve(server.address() as AddressInfo))
  })

/** Binds a socket and serves it. Rejects with TURNOUT_LISTEN_FAILED when the address cannot be had. */
export async function openListener(serve: NodeServe, options: ListenOptions): Promise<Listener> {
  let isClosing = false
  const connections = new Connections(idleMs)
  const server = createServer(
    {
      IncomingMessage: LeanRequest,
      headersTimeout: 10_000,
      requestTimeout: 60_000,
      // A timer per answer costs a tenth of a small one: `connections` sweeps instead.
      keepAliveTimeout: 0,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      if (isClosing) response.shouldKeepAlive = false
      connections.track(request.socket, response, serve(request, response))
    },
  )
  server.on('connection', (socket) => connections.add(socket))
  // What asks for another protocol comes without a response of its own. A handler that knows none answers as ever.
  server.on('upgrade', (request, socket, first: Buffer) => {
    if (isDeclined(request)) return declineUpgrade(server, request, socket, first)
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(socket as Socket)
    response.once('finish', () => (socket as Socket).destroySoon())
    socket.on('error', () => undefined)
    connections.track(
      request.socket,
      response,
      serve(request, response, undefined, { socket, first }),
    )
  })
  // With a limit, Node 20 drops fields past it silently while its parser still obeys them (CVE-2026-58044).
  server.maxHeadersCount = 0
  const address = await bind(server, options)
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  const isAny = address.address === '0.0.0.0' || address.address === '::'
  return {
    host: address.address,
    port: address.port,
    url: `http://${isAny ? 'localhost' : host}:${address.port}`,
    close: async (deadlineMs) => {
      isClosing = true
      connections.sayLast()
      // A keep-alive client hears it in its next answer; only who stays silent is closed from our side.
      await wait(Math.min(graceMs, deadlineMs))
      const cut = await drain(server, deadlineMs)
      connections.close()
      return cut
    },
  }
}

/** Accepts nothing new; what is in flight at the deadline is cut and counted. */
const drain = (server: Server, deadlineMs: number): Promise<number> =>
  new Promise((resolve) => {
    let cut = 0
    const idle = setInterval(() => server.closeIdleConnections(), graceMs)
    const deadline = setTimeout(() => {
      server.getConnections((_, count) => {
        cut = count
        server.closeAllConnections()
      })
    }, deadlineMs)
    server.close(() => {
      clearInterval(idle)
      clearTimeout(deadline)
      resolve(cut)
    })
  })
