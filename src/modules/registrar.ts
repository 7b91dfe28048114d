import { TurnoutError } from '../core/errors.ts'
import { chain } from './chain.ts'
import type { Handlers, Middleware, Registrar, RouteHandler } from './define.ts'
import type { Handler } from '../gateway/snapshot.ts'

/** One registration as it was made: a method (or `*`), the whole pattern, the composed handler. */
export interface Registration {
  readonly method: string
  readonly path: string
  readonly handler: Handler
}

/** Takes registrations as they are made. */
export type Register = (registration: Registration) => void

/** Joins a prefix and a path: `'/users'` and `'/'` give `'/users'`, as in Gin and Hono. */
export function joinPath(prefix: string, path: string): string {
  const start = prefix === '/' ? '' : prefix.endsWith('/') ? prefix.slice(0, -1) : prefix
  if (path === '' || path === '/') return start === '' ? '/' : start
  return start + (path.startsWith('/') ? path : `/${path}`)
}

const token = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/

/** The short methods of a registrar, which all come down to `handle`. */
export abstract class MethodRegistrar implements Registrar {
  get<Path extends string>(path: Path, ...handlers: Handlers<Path>): this {
    return this.handle('GET', path, ...handlers)
  }

  post<Path extends string>(path: Path, ...handlers: Handlers<Path>): this {
    return this.handle('POST', path, ...handlers)
  }

  put<Path extends string>(path: Path, ...handlers: Handlers<Path>): this {
    return this.handle('PUT', path, ...handlers)
  }

  delete<Path extends string>(path: Path, ...handlers: Handlers<Path>): this {
    return this.handle('DELETE', path, ...handlers)
  }

  patch<Path extends string>(path: Path, ...handlers: Handlers<Path>): this {
    return this.handle('PATCH', path, ...handlers)
  }

  head<Path extends string>(path: Path, ...handlers: Handlers<Path>): this {
    return this.handle('HEAD', path, ...handlers)
  }

  options<Path extends string>(path: Path, ...handlers: Handlers<Path>): this {
    return this.handle('OPTIONS', path, ...handlers)
  }

  any<Path extends string>(path: Path, ...handlers: Handlers<Path>): this {
    return this.handle('*', path, ...handlers)
  }

  abstract handle<Path extends string>(
    method: string | readonly string[],
    path: Path,
    ...handlers: Handlers<Path>
  ): this
  abstract use(...middleware: Middleware[]): this
  abstract group(prefix: string, ...middleware: Middleware[]): Registrar
}

/** The registrar given to modules and to the embedding program; it only tells `register` what was said. */
export class RouteRegistrar extends MethodRegistrar {
  readonly #prefix: string
  readonly #register: Register
  readonly #middleware: Middleware[]

  constructor(prefix: string, middleware: readonly Middleware[], register: Register) {
    super()
    this.#prefix = prefix
    this.#middleware = [...middleware]
    this.#register = register
  }

  override handle<Path extends string>(
    method: string | readonly string[],
    path: Path,
    ...handlers: Handlers<Path>
  ): this {
    const methods = typeof method === 'string' ? [method] : method
    if (typeof path !== 'string') throw invalid('the path is not a string')
    if (handlers.length === 0 || handlers.some((one) => typeof one !== 'function')) {
      throw invalid(`${methods.join(',')} ${path} has no handler, or one that is not a function`)
    }
    const handler = chain(
      [...this.#middleware, ...(handlers.slice(0, -1) as Middleware[])],
      handlers[handlers.length - 1] as RouteHandler,
    )
    for (const one of methods) {
      if (typeof one !== 'string' || !token.test(one)) throw invalid(`${one} is not a method`)
      this.#register({ method: one, path: joinPath(this.#prefix, path), handler })
    }
    return this
  }

  override use(...middleware: Middleware[]): this {
    if (middleware.some((one) => typeof one !== 'function')) {
      throw invalid('middleware is not a function')
    }
    this.#middleware.push(...middleware)
    return this
  }

  override group(prefix: string, ...middleware: Middleware[]): RouteRegistrar {
    const whole = joinPath(this.#prefix, prefix)
    return new RouteRegistrar(
      whole === '/' ? '' : whole,
      [...this.#middleware, ...middleware],
      this.#register,
    )
  }
}

export const invalid = (reason: string): TurnoutError =>
  new TurnoutError('TURNOUT_REGISTRATION_INVALID', { reason })
