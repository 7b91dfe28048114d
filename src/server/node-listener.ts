import {
  ServerResponse,
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
} from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { Block } from '../core/address.ts'
import { problem, TurnoutError, type Problem } from '../core/errors.ts'
import type { Underscores } from '../core/http/fields.ts'
import type { Limits } from '../core/http/limits.ts'
import type { Logger } from '../core/logger.ts'
import type { Serve } from '../gateway/gateway.ts'
import { problemReply } from '../gateway/problem-reply.ts'
import { isStraight } from '../gateway/straight.ts'
import { AddressCount } from './address-count.ts'
import type { CertificateFiles } from './certificate.ts'
import { Connections } from './connections.ts'
import type { ListenerCounts } from './listener-counts.ts'
import { LeanRequest } from './lean-request.ts'
import { afterAnswers, isAnswering } from './after-answers.ts'
import { declineUpgrade, isDeclined } from './decline-upgrade.ts'
import { NodeTransport, type UpgradeOffer } from './node-transport.ts'
import { Lane, type LaneOptions } from './lane/lane.ts'
import { mostConnections } from './open-files.ts'
import type { Admission } from './overload/admission.ts'
import { admitting } from './overload/admitting.ts'
import { shedReply } from './overload/shed-reply.ts'
import { answerClientError, endWithProblem, lastFields } from './raw-reply.ts'
import { openSecure } from './secure-server.ts'
import { expectationRefusal, refusalOf } from './strict.ts'

/** How long a keep-alive client has to send the request that is told to be its last. */
const graceMs = 300
export interface ListenOptions {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  /** Files in PEM: then it is https. They are read again when they change. */
  readonly tls?: CertificateFiles | undefined
  /** A bound socket that several processes accept from; then nothing is bound here. */
  readonly handle?: object | undefined
}

/** What a listener lets its clients do. */
export interface ClientRules {
  readonly limits: Limits
  readonly underscores: Underscores
  /** Proxies whose word is taken for who the client is. */
  readonly trusted: readonly Block[]
  /** Counts what is refused; null or not there: nobody does. */
  readonly counts?: ListenerCounts | null
}

/** A bound socket: open/close. */
export interface Listener {
  readonly host: string
  readonly port: number
  readonly url: string
  /** Takes nothing new, lets what is in flight end until the deadline, then cuts it. Resolves with what was cut. */
  close(deadlineMs: number): Promise<number>
  /** Reads key and certificate again now. True where they are served; false also where there is no TLS. */
  renewCertificate(): Promise<boolean>
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
export function createNodeServe(
  serve: Serve,
  bodyLimit: number,
  rules: ClientRules,
  admission: Admission | null = null,
): NodeServe {
  const { trusted, counts = null } = rules
  const run: NodeServe = (request, response, next, upgrade) => {
    const transport = new NodeTransport(request, response, bodyLimit, trusted, upgrade)
    // No closure is made for an exchange that ends well in this turn, which is what most do.
    try {
      const done = serve(transport, next)
      return done?.catch((error: unknown) => handBack(transport, next, error))
    } catch (error) {
      return handBack(transport, next, error)
    }
  }
  const take = admission === null ? run : admitting(admission, run, shed)
  return (request, response, next, upgrade) => {
    if (refusedSockets.has(request.socket)) return undefined
    const refused = refusalOf(request, rules)
    if (refused !== null) return refuse(request, response, refused, counts)
    return take(request, response, next, upgrade)
  }
}

/**
 * Connections of which a request was refused. What is behind it may be parts of it, and has been parsed already where it
 * came in the same piece: nobody sees it.
 */
const refusedSockets = new WeakSet<Socket>()

const refuse = (
  request: IncomingMessage,
  response: ServerResponse,
  found: Problem,
  counts: ListenerCounts | null,
): void => {
  counts?.refused(found.code)
  refusedSockets.add(request.socket)
  const { status, headers, body } = problemReply(found, lastFields(found))
  new NodeTransport(request, response, 0).send(status, headers, body as string)
}

/** Turned away by an overloaded worker. A body that nobody reads would cost as much as one that somebody does. */
const shed = (request: IncomingMessage, response: ServerResponse): void => {
  const { headers } = request
  const hasBody =
    headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0
  if (hasBody) refusedSockets.add(request.socket)
  const { status, fields, body } = shedReply(hasBody)
  new NodeTransport(request, response, 0).send(status, fields, body)
}

const handBack = (
  transport: NodeTransport,
  next: ((error?: unknown) => void) | undefined,
  error: unknown,
): void => {
  if (next === undefined) transport.destroy()
  else next(error)
}

const bind = (server: Server, { host, port, handle }: ListenOptions): Promise<AddressInfo> =>
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
    server.listen(handle ?? { host, port }, () => {
      server.removeAllListeners('error')
      resolve(server.address() as AddressInfo)
    })
  })

const serverOptions = ({ headersMs, requestMs, headerBytes }: Limits): ServerOptions => ({
  IncomingMessage: LeanRequest,
  headersTimeout: requestMs === 0 ? headersMs : Math.min(headersMs, requestMs),
  requestTimeout: requestMs,
  maxHeaderSize: headerBytes,
  // Node's own answer lets what is behind the request pass.
  requireHostHeader: false,
  // A timer per answer costs a tenth of a small one: `connections` sweeps instead.
  keepAliveTimeout: 0,
  connectionsCheckingInterval: Math.min(1_000, headersMs),
})

/**
 * Binds a socket and serves it. Rejects with TURNOUT_LISTEN_FAILED when the address cannot be had, TURNOUT_TLS_FILES or
 * TURNOUT_TLS_INVALID when key and certificate cannot.
 */
export async function openListener(
  serve: NodeServe,
  options: ListenOptions,
  { limits, trusted, counts = null }: Omit<ClientRules, 'underscores'>,
  log: Logger,
  admission: Admission | null = null,
  laneOptions: LaneOptions | null = null,
): Promise<Listener> {
  let isClosing = false
  const { tls } = options
  const secure = tls === undefined ? null : await openSecure(tls, serverOptions(limits), log)
  const server = secure?.server ?? createServer(serverOptions(limits))
  const most = mostConnections(limits.connections)
  const connections = new Connections(limits, most)
  const addresses = new AddressCount(limits.connectionsPerAddress, trusted)

  const take = (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request
    if (isClosing) response.shouldKeepAlive = false
    const admission = connections.admit(socket, response)
    if (admission === 'serve') connections.track(socket, response, serve(request, response))
    else if (admission === 'refuse' && !refusedSockets.has(socket)) {
      refuse(request, response, problem('TURNOUT_PIPELINE_TOO_LONG'), counts)
    }
  }
  const takeExpectant = (request: IncomingMessage, response: ServerResponse): void => {
    const refused = expectationRefusal(request)
    if (refusedSockets.has(request.socket)) return
    if (refused !== null) return refuse(request, response, refused, counts)
    response.writeContinue()
    take(request, response)
  }
  // What asks for another protocol comes without a response of its own. A handler that knows none answers as ever.
  const takeUpgrade = (request: IncomingMessage, socket: Socket, first: Buffer): void => {
    if (isAnswering(socket)) return afterAnswers(socket, () => takeUpgrade(request, socket, first))
    if (isDeclined(request)) return declineUpgrade(server, request, socket, first)
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(socket)
    response.once('finish', () => socket.destroySoon())
    socket.on('error', () => undefined)
    connections.upgraded(socket)
    connections.track(socket, response, serve(request, response, undefined, { socket, first }))
  }
  server.on('request', take)
  server.on('upgrade', takeUpgrade)
  server.on('checkContinue', takeExpectant)
  server.on('checkExpectation', takeExpectant)
  server.on('connect', (_, socket) => {
    counts?.refused('TURNOUT_METHOD_REFUSED')
    endWithProblem(socket, problem('TURNOUT_METHOD_REFUSED', { method: 'CONNECT' }))
  })
  server.on('clientError', (error, socket) => {
    if (connections.isAnswered(socket)) socket.destroy()
    else answerClientError(error, socket, counts)
  })
  const known = new WeakSet<Socket>()
  const isWelcome = (socket: Socket): boolean => {
    admission?.connected()
    counts?.opened()
    if (counts !== null) socket.once('close', () => counts.closed())
    if (admission?.isClosed === true) {
      counts?.connectionRefused('heap')
      return false
    }
    const release = addresses.acquire(socket.remoteAddress)
    if (release === null) counts?.connectionRefused('address')
    else socket.once('close', release)
    return release !== null
  }
  const scheme = secure === null ? 'http' : 'https'
  const lane =
    laneOptions === null
      ? null
      : await Lane.open(
          laneOptions,
          {
            server,
            connections,
            limits,
            isLast: () => isClosing || admission?.isLast === true,
            onRefused: (code) => counts?.refused(code),
          },
          { scheme, trusted },
        )
  if (lane?.isShared === false && secure === null)
    log.warn('this Node gives no connection away: the fast lane reads by events, and is slower')
  if (lane?.isShared === true && !isStraight())
    log.warn('this Node writes through its streams only: the fast lane does, too, and is slower')
  const enter = (socket: Socket, isWelcomed: (socket: Socket) => boolean): void => {
    // One that comes again, after an upgrade that was declined.
    if (known.has(socket)) return lane?.handBack(socket)
    const isNew = (one: Socket): boolean => {
      known.add(one)
      return isWelcomed(one)
    }
    if (lane !== null) lane.accept(socket, isNew)
    else if (isNew(socket)) connections.add(socket)
    else socket.destroy()
  }
  if (secure === null) server.on('connection', (socket: Socket) => enter(socket, isWelcome))
  else {
    server.on('connection', (socket: Socket) => {
      if (!isWelcome(socket)) socket.destroy()
    })
    // The socket behind the handshake is what requests come on.
    server.on('secureConnection', (socket: Socket) => enter(socket, () => !socket.destroyed))
  }
  // With a limit, Node 20 drops fields past it silently while its parser still obeys them (CVE-2026-58044).
  server.maxHeadersCount = 0
  server.maxConnections = most
  server.on('drop', () => {
    counts?.connectionRefused('limit')
    connections.relieve()
  })
  const release = (): void => {
    connections.close()
    secure?.certificate.close()
  }
  let address: AddressInfo
  try {
    address = await bind(server, options)
  } catch (error) {
    release()
    throw error
  }
  // A connection that cannot be accepted, for want of files, is no reason to fall.
  server.on('error', (error) => log.error('a listener failed', { reason: error.message }))
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  const isAny = address.address === '0.0.0.0' || address.address === '::'
  return {
    host: address.address,
    port: address.port,
    url: `${scheme}://${isAny ? 'localhost' : host}:${address.port}`,
    renewCertificate: async () => (await secure?.certificate.renew()) ?? false,
    close: async (deadlineMs) => {
      isClosing = true
      connections.sayLast()
      // A keep-alive client hears it in its next answer; only who stays silent is closed from our side.
      await wait(Math.min(graceMs, deadlineMs))
      const cut = await drain(server, connections, deadlineMs)
      release()
      return cut
    },
  }
}

/** Accepts nothing new; what is in flight at the deadline is cut and counted. */
const drain = (server: Server, connections: Connections, deadlineMs: number): Promise<number> =>
  new Promise((resolve) => {
    let cut = 0
    const closeIdle = (): void => {
      server.closeIdleConnections()
      connections.closeIdle()
    }
    const idle = setInterval(closeIdle, graceMs)
    connections.closeIdle()
    const deadline = setTimeout(() => {
      server.getConnections((_, count) => {
        cut = count
        server.closeAllConnections()
        connections.destroyAll()
      })
    }, deadlineMs)
    server.close(() => {
      clearInterval(idle)
      clearTimeout(deadline)
      resolve(cut)
    })
  })
