import { connect, type Socket } from 'node:net'
import { ResponseReader, type WholeResponse } from '../../test/load/response-reader.ts'

/** What is asked over a wire. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

const answerMs = 60_000

/** A kept connection, one request at a time: less work for this machine than a client of Node's. Open, then `close`. */
export class Wire {
  readonly #socket: Socket
  readonly #port: number
  readonly #reader = new ResponseReader()
  #waiting: {
    readonly resolve: (answer: WholeResponse) => void
    readonly reject: (error: Error) => void
  } | null = null

  constructor(port: number) {
    this.#port = port
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true })
    this.#socket.on('data', (bytes) => this.#take(bytes))
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error('closed by the server')))
  }

  /** Rejects when the connection ends, or no answer comes within a minute. */
  ask({ method, path, headers = {}, body = '' }: Asked): Promise<WholeResponse> {
    const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    const length = method === 'GET' ? '' : `content-length: ${Buffer.byteLength(body)}\r\n`
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#socket.destroy(new Error('no answer')), answerMs)
      this.#waiting = {
        resolve: (answer) => {
          clearTimeout(timer)
          resolve(answer)
        },
        reject: (error) => {
          clearTimeout(timer)
          reject(error)
        },
      }
      if (this.#socket.destroyed) this.#fail(new Error('closed by the server'))
      else
        this.#socket.write(
          `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1:${this.#port}\r\n${fields.join('')}${length}\r\n${body}`,
        )
    })
  }

  get isClosed(): boolean {
    return this.#socket.destroyed || this.#socket.readableEnded
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(bytes: Buffer): void {
    try {
      const answer = this.#reader.push(bytes)
      if (answer === null) return
      const waiting = this.#waiting
      this.#waiting = null
      waiting?.resolve(answer)
    } catch (error) {
      this.#socket.destroy(error as Error)
    }
  }

  #fail(error: Error): void {
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.reject(error)
  }
}
