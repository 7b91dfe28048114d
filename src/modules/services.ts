import { TurnoutError } from '../core/errors.ts'
import { thrownMessage } from '../core/thrown.ts'
import type { Services } from './define.ts'

/** Something opened once per worker and given to modules: a database handle, a client. */
export interface ServiceDefinition<Value = unknown> {
  open(): Value | Promise<Value>
  close?(value: Value): void | Promise<void>
}

const isDefinition = (value: unknown): value is ServiceDefinition =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as { open?: unknown }).open === 'function'

/** The services of one worker: open/close. They outlive every module that uses them. */
export class ServiceSet {
  readonly #declared: Readonly<Record<string, unknown>>
  readonly #closers: (() => void | Promise<void>)[]
  #opened: Promise<Services> | null
  /** What was opened so far. */
  #values: Services

  constructor(declared: Readonly<Record<string, unknown>>) {
    this.#declared = declared
    this.#closers = []
    this.#opened = null
    this.#values = {}
  }

  get opened(): Services {
    return this.#values
  }

  /** Opens everything, in the order of declaration, once. A failure is tried again by the next call. */
  open(): Promise<Services> {
    this.#opened ??= this.#openAll().catch(async (error: unknown) => {
      this.#opened = null
      await this.close(() => undefined)
      throw error
    })
    return this.#opened
  }

  async #openAll(): Promise<Services> {
    const services: Record<string, unknown> = {}
    for (const [name, declared] of Object.entries(this.#declared)) {
      if (!isDefinition(declared)) {
        services[name] = declared
        continue
      }
      try {
        const value = await declared.open()
        services[name] = value
        this.#closers.push(() => declared.close?.(value))
      } catch (error) {
        const reason = thrownMessage(error)
        throw new TurnoutError(
          'TURNOUT_SERVICE_FAILED',
          { service: name, reason },
          { cause: error },
        )
      }
    }
    this.#values = services
    return services
  }

  /** Closes what was opened, last opened first. */
  async close(onError: (error: unknown) => void): Promise<void> {
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      try {
        await close()
      } catch (error) {
        onError(error)
      }
    }
  }
}
