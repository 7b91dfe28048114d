/** From the most talkative to the quietest. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Facts beside a message; keys are glossary words in snake_case (`route_id`, `duration_ms`). */
export type LogFields = Readonly<Record<string, unknown>>

/**
 * Where Turnout writes its log. A host may pass its own; methods must neither throw nor block, and
 * the fields must not be kept after the call.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

/** Says nothing: what `logger: false` means. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
}

/** A logger that adds `fields` to every line of `parent`; a field given in the call wins. */
export function childLogger(parent: Logger, fields: LogFields): Logger {
  const merge = (own: LogFields | undefined): LogFields =>
    own === undefined ? fields : { ...fields, ...own }
  return {
    debug: (message, own) => parent.debug(message, merge(own)),
    info: (message, own) => parent.info(message, merge(own)),
    warn: (message, own) => parent.warn(message, merge(own)),
    error: (message, own) => parent.error(message, merge(own)),
  }
}
