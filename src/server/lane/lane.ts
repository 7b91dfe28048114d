import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { RequestHead } from '../../core/http/request-head.ts'
import type { Limits } from '../../core/http/limits.ts'
import type { Connections } from '../connections.ts'
import { LaneConnection, type LaneContext, type ServeLane } from './lane-connection.ts'
import type { LaneSettings } from './lane-transport.ts'
import { canReadShared, readEvents, readShared, type ReadBytes } from './shared-read.ts'

/** What a listener serves its ordinary requests with. */
export interface LaneOptions {
  readonly serve: ServeLane
  readonly needsNode: LaneContext['needsNode']
  readonly bodyLimit: number
}

/** The listener that the lane is in front of. */
export interface LaneListener {
  readonly server: Server
  readonly connections: Connections
  readonly limits: Limits
  readonly isLast: () => boolean
  readonly onRefused: LaneContext['onRefused']
}

type Accept = (socket: Socket) => void

/** Reads the connections of a server before `node:http` does. */
export class Lane {
  readonly #context: LaneContext
  readonly #server: Server
  /** Whether reads share one buffer. */
  readonly isShared: boolean

  private constructor(context: LaneContext, server: Server, isShared: boolean) {
    this.#context = context
    this.#server = server
    this.isShared = isShared
  }

  /** Puts it in front of a server that does not listen yet, and takes the server's own reader away from its connections. */
  static async open(
    { serve, needsNode, bodyLimit }: LaneOptions,
    { server, connections, limits, isLast, onRefused }: LaneListener,
    rest: Pick<LaneSettings, 'scheme' | 'trusted'>,
  ): Promise<Lane> {
    // Over TLS, what is read comes from the cipher.
    const isShared = rest.scheme === 'http' && (await canReadShared())
    const event = rest.scheme === 'http' ? 'connection' : 'secureConnection'
    const [own] = server.listeners(event) as Accept[]
    server.removeListener(event, own!)
    if (isShared) (server as { pauseOnConnect?: boolean }).pauseOnConnect = true
    const context: LaneContext = {
      settings: { ...rest, bodyLimit },
      connections,
      head: new RequestHead(limits),
      serve,
      needsNode,
      isLast,
      onRefused,
      toNode: (socket, unread) => {
        own!.call(server, socket)
        if (unread !== null) socket.unshift(unread)
      },
    }
    return new Lane(context, server, isShared)
  }

  /**
   * Takes a connection that was accepted. Where reads are shared it goes on with another socket; `isWelcome` is told which
   * one, and says whether it may stay.
   */
  accept(accepted: Socket, isWelcome: (socket: Socket) => boolean): void {
    let connection: LaneConnection | null = null
    const read: ReadBytes = (bytes, length) => connection?.read(bytes, length) ?? true
    const socket = this.isShared ? readShared(accepted, this.#server, read) : accepted
    if (!isWelcome(socket)) {
      socket.destroy()
      return
    }
    const stop = this.isShared ? () => undefined : readEvents(socket, read)
    const use = this.#context.connections.add(socket)
    connection = new LaneConnection(socket, this.#context, use, stop)
  }

  /** Gives one that was handed over before to `node:http` once more. */
  handBack(socket: Socket): void {
    this.#context.toNode(socket, null)
  }
}
