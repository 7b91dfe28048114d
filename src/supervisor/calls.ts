import { TurnoutError, type ErrorCode } from '../core/errors.ts'
import { thrownMessage } from '../core/thrown.ts'

/** What can be asked of the process at the other end, by name. */
export type Calls<Shape> = {
  readonly [Name in keyof Shape]: (...args: never[]) => unknown
}

/** One message between a supervisor and a worker process. */
export type Message =
  | {
      readonly kind: 'call'
      readonly id: number
      readonly name: string
      readonly args: readonly unknown[]
    }
  | { readonly kind: 'answer'; readonly id: number; readonly result: unknown }
  | {
      readonly kind: 'failure'
      readonly id: number
      readonly code: ErrorCode | null
      readonly text: string
    }
  | { readonly kind: 'notice'; readonly name: string; readonly data: unknown }

/** Sends a message, with a handle where one goes along; `done` is told what went wrong. */
export type Send = (
  message: Message,
  handle: unknown,
  done: (error: Error | null) => void,
) => unknown

interface Waiting {
  readonly resolve: (result: never) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

/** The asking end. Each call has a deadline; when the other end is gone, all of them end. */
export class Caller<Shape extends Calls<Shape>> {
  readonly #send: Send
  readonly #waiting: Map<number, Waiting>
  #last: number
  #gone: Error | null

  constructor(send: Send) {
    this.#send = send
    this.#waiting = new Map()
    this.#last = 0
    this.#gone = null
  }

  /** Rejects with TURNOUT_WORKER_LATE, TURNOUT_WORKER_LOST, or what the other end says. */
  call<Name extends keyof Shape & string>(
    name: Name,
    args: Parameters<Shape[Name]>,
    deadlineMs: number,
    handle?: unknown,
  ): Promise<Awaited<ReturnType<Shape[Name]>>> {
    return new Promise((resolve, reject) => {
      if (this.#gone !== null) return reject(this.#gone)
      this.#last += 1
      const id = this.#last
      const end = (error: Error): void => {
        clearTimeout(timer)
        this.#waiting.delete(id)
        reject(error)
      }
      const timer = setTimeout(
        () => end(new TurnoutError('TURNOUT_WORKER_LATE', { ms: deadlineMs })),
        deadlineMs,
      )
      this.#waiting.set(id, { resolve, reject, timer })
      this.#send({ kind: 'call', id, name, args }, handle, (error) => {
        if (error !== null) end(lost(error.message))
      })
    })
  }

  /** Takes an answer. */
  take(message: Extract<Message, { readonly kind: 'answer' | 'failure' }>): void {
    const waiting = this.#waiting.get(message.id)
    if (waiting === undefined) return
    this.#waiting.delete(message.id)
    clearTimeout(waiting.timer)
    if (message.kind === 'answer') waiting.resolve(message.result as never)
    else {
      const { code, text } = message
      waiting.reject(code === null ? lost(text) : TurnoutError.of({ code, message: text }))
    }
  }

  /** The other end is gone. */
  fail(reason: string): void {
    this.#gone ??= lost(reason)
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer)
      reject(this.#gone)
    }
    this.#waiting.clear()
  }
}

const lost = (reason: string): TurnoutError => new TurnoutError('TURNOUT_WORKER_LOST', { reason })

/** The answering end of one call. A handle that came along stands in for the last argument. */
export async function answerCall<Shape extends Calls<Shape>>(
  target: Shape,
  { id, name, args }: Extract<Message, { readonly kind: 'call' }>,
  send: (message: Message) => void,
  handle: unknown,
): Promise<void> {
  try {
    const call = target[name as keyof Shape] as unknown as (...args: unknown[]) => unknown
    const all = handle === undefined ? [...args] : [...args.slice(0, -1), handle]
    const result = await call.apply(target, all)
    send({ kind: 'answer', id, result })
  } catch (error) {
    const code = error instanceof TurnoutError ? error.code : null
    send({ kind: 'failure', id, code, text: thrownMessage(error) })
  }
}
