/** The stable codes, in the order of the table below. */
export type ErrorCode =
  | 'TURNOUT_PATH_INVALID'
  | 'TURNOUT_ROUTE_NOT_FOUND'
  | 'TURNOUT_METHOD_NOT_ALLOWED'
  | 'TURNOUT_CONFIG_NOT_FOUND'
  | 'TURNOUT_CONFIG_AMBIGUOUS'
  | 'TURNOUT_CONFIG_UNREADABLE'
  | 'TURNOUT_CONFIG_SYNTAX'
  | 'TURNOUT_CONFIG_KEY'
  | 'TURNOUT_CONFIG_VALUE'
  | 'TURNOUT_CONFIG_SERVICES'
  | 'TURNOUT_CONFIG_EXPORT'
  | 'TURNOUT_CONFIG_THREW'
  | 'TURNOUT_CONFIG_TIMEOUT'
  | 'TURNOUT_USAGE'
  | 'TURNOUT_FOLDER_NOT_FOUND'
  | 'TURNOUT_INIT_FAILED'

/** One row of the error table: what a code means to the person who meets it. */
export interface ErrorRow {
  /** HTTP status where the code reaches a client. */
  readonly status: number
  /** Message template; `{name}` is replaced by the value of that name. */
  readonly message: string
  /** Why it happens, in one sentence. */
  readonly cause: string
  /** What to do, in one sentence. */
  readonly cure: string
}

/**
 * Every error that Turnout reports, by stable code. `docs/reference/errors.md` has a row for each;
 * a test fails when either side lacks one.
 */
export const errorTable: Readonly<Record<ErrorCode, ErrorRow>> = {
  // requests
  TURNOUT_PATH_INVALID: {
    status: 400,
    message: 'The path of the request is not valid: {reason}',
    cause:
      'The path has a bad escape, NUL, a backslash, %2F or %5C, which guards and handlers could read differently.',
    cure: 'Send the path percent-encoded as RFC 3986 asks.',
  },
  TURNOUT_ROUTE_NOT_FOUND: {
    status: 404,
    message: 'No route for {method} {path}',
    cause: 'No route of the current revision matches.',
    cure: 'Ask `turnout probe METHOD URL` what came nearest.',
  },
  TURNOUT_METHOD_NOT_ALLOWED: {
    status: 405,
    message: '{method} is not allowed for {path}; allowed: {allowed}',
    cause: 'The path has routes, but none for this method.',
    cure: 'Use one of the methods in the Allow header.',
  },

  // config and command line
  TURNOUT_CONFIG_NOT_FOUND: {
    status: 500,
    message: 'There is no config file {file}{hint}',
    cause: 'The file that --config names does not exist.',
    cure: 'Correct the path, or leave --config away: no config is needed.',
  },
  TURNOUT_CONFIG_AMBIGUOUS: {
    status: 500,
    message: 'Several config files in one folder: {files}',
    cause: 'Only one config is read, and nothing says which.',
    cure: 'Keep one of them, or choose with --config.',
  },
  TURNOUT_CONFIG_UNREADABLE: {
    status: 500,
    message: 'Cannot read the config {file}: {reason}',
    cause: 'The config is not a readable file of a known kind, or is over 1 MiB.',
    cure: 'Make it a readable .ts, .js, .mjs, .json, .yaml or .yml file.',
  },
  TURNOUT_CONFIG_SYNTAX: {
    status: 500,
    message: 'The config {file} is not well-formed: {reason}',
    cause:
      'The text does not follow the syntax of its language, or a package that it imports is missing.',
    cure: 'Correct the text at the place shown.',
  },
  TURNOUT_CONFIG_KEY: {
    status: 500,
    message: 'Unknown setting `{path}` in {file}{hint}',
    cause:
      'The schema has no setting of this name here; a setting that is not read would be a silent failure.',
    cure: 'Correct the name or remove it; docs/reference/config.md lists every setting.',
  },
  TURNOUT_CONFIG_VALUE: {
    status: 500,
    message: 'Bad value of `{path}` in {file}: {reason}',
    cause: 'The value is not what the schema asks for at this place.',
    cure: 'Give a value of the kind named; docs/reference/config.md lists every setting.',
  },
  TURNOUT_CONFIG_SERVICES: {
    status: 500,
    message: '`services` in {file} must be functions',
    cause: 'A service is opened and closed by functions, and JSON and YAML have none.',
    cure: 'Move the config to turnout.config.ts or turnout.config.js.',
  },
  TURNOUT_CONFIG_EXPORT: {
    status: 500,
    message: 'The config {file} exports no settings: {reason}',
    cause: 'A config in TypeScript or JavaScript must have one plain object as its default export.',
    cure: 'Write `export default defineConfig({ ... })`.',
  },
  TURNOUT_CONFIG_THREW: {
    status: 500,
    message: 'The config {file} threw: {reason}',
    cause: 'The code of the config ended with an error.',
    cure: 'Correct the code at the place shown.',
  },
  TURNOUT_CONFIG_TIMEOUT: {
    status: 500,
    message: 'The config {file} did not finish loading within {timeoutMs} ms',
    cause: 'A top-level await of the config has not settled.',
    cure: 'Open connections in `services`, not while the config is loaded.',
  },
  TURNOUT_USAGE: {
    status: 500,
    message: '{reason}',
    cause: 'The command line has a word that Turnout does not know, or a value that it cannot use.',
    cure: 'Run `turnout --help`, or `turnout help COMMAND`.',
  },
  TURNOUT_FOLDER_NOT_FOUND: {
    status: 500,
    message: '{reason}',
    cause: 'The folder of route modules that the command names is not there.',
    cure: 'Correct the path, or make the folder with `turnout init`.',
  },
  TURNOUT_INIT_FAILED: {
    status: 500,
    message: 'Cannot write {file}: {reason}',
    cause: 'The file system refused to make the folder or the file.',
    cure: 'Choose a folder that you may write to.',
  },
}

/** Values of a message template. */
export type ErrorValues = Readonly<Record<string, string | number>>

/** Where in an author's file a problem was found; lines and columns count from 1. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
  /** A few lines of source with a marker under the place. */
  readonly frame?: string
}

/** One finding in an input: an expected outcome, so a value and not a throw. */
export interface Problem {
  readonly code: ErrorCode
  readonly message: string
  /** JSON pointer into the input, where the input is JSON. */
  readonly pointer?: string
  readonly place?: Place
  /** Stack of the author's error, mapped to the author's files. */
  readonly stack?: string
}

const fill = (template: string, values: ErrorValues): string =>
  template.replaceAll(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))

/** Makes a problem from its row of the table. */
export function problem(
  code: ErrorCode,
  values: ErrorValues = {},
  extra: Omit<Problem, 'code' | 'message'> = {},
): Problem {
  return { code, message: fill(errorTable[code].message, values), ...extra }
}

/** The one error class. `code` is stable; `status` is the HTTP status where it reaches a client. */
export class TurnoutError extends Error {
  readonly code: ErrorCode
  readonly status: number
  /** Every finding, when there is more than one. */
  readonly problems: readonly Problem[]

  constructor(
    code: ErrorCode,
    values: ErrorValues = {},
    options: { readonly cause?: unknown; readonly problems?: readonly Problem[] } = {},
  ) {
    super(
      fill(errorTable[code].message, values),
      'cause' in options ? { cause: options.cause } : {},
    )
    this.name = 'TurnoutError'
    this.code = code
    this.status = errorTable[code].status
    this.problems = options.problems ?? []
  }
}
