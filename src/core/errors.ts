/** The stable codes, in the order of the table below. */
export type ErrorCode =
  | 'TURNOUT_PATH_INVALID'
  | 'TURNOUT_ROUTE_NOT_FOUND'
  | 'TURNOUT_METHOD_NOT_ALLOWED'
  | 'TURNOUT_MODULE_FILE_MISSING'
  | 'TURNOUT_MODULE_BUILD_FAILED'
  | 'TURNOUT_MODULE_IMPORT_MISSING'
  | 'TURNOUT_MODULE_DEPENDENCY_MISSING'
  | 'TURNOUT_MODULE_LOAD_FAILED'
  | 'TURNOUT_MODULE_LOAD_TIMEOUT'
  | 'TURNOUT_MODULE_CRASHED'

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
  // building and loading a route module
  TURNOUT_MODULE_FILE_MISSING: {
    status: 422,
    message: 'Cannot read the module {file}: {reason}',
    cause: 'The file of the module does not exist, or this process may not read it.',
    cure: 'Check the path and its permissions.',
  },
  TURNOUT_MODULE_BUILD_FAILED: {
    status: 422,
    message: 'Cannot build {file}: {reason}',
    cause: 'The module, or a local file that it imports, is not valid TypeScript or JavaScript.',
    cure: 'Correct the marked line.',
  },
  TURNOUT_MODULE_IMPORT_MISSING: {
    status: 422,
    message: 'Cannot build {file}: {reason}',
    cause: 'A local file that is imported does not exist or does not export that name.',
    cure: 'Correct the import, or create the file: the module is built again when it appears.',
  },
  TURNOUT_MODULE_DEPENDENCY_MISSING: {
    status: 422,
    message: 'Cannot import "{specifier}" from {file}: {reason}',
    cause: 'A package that the module imports is not installed, or does not export that name.',
    cure: 'Install the package where the module can find it, or correct the imported name.',
  },
  TURNOUT_MODULE_LOAD_FAILED: {
    status: 422,
    message: '{file} failed to load: {reason}',
    cause: 'The code of the module, or of a package that it imports, threw while it was loading.',
    cure: 'Correct the marked line; a load must not depend on what may be absent.',
  },
  TURNOUT_MODULE_LOAD_TIMEOUT: {
    status: 422,
    message: '{file} did not finish loading within {timeoutMs} ms: {reason}',
    cause: 'A top-level await never settled, or the code loops without end.',
    cure: 'Start long work in `register` without awaiting it, or move it to a service.',
  },
  TURNOUT_MODULE_CRASHED: {
    status: 422,
    message: '{file} ended the process that tried it out: {reason}',
    cause: 'The module called process.exit, crashed the process, or used up its memory.',
    cure: 'Remove the call that ends the process; the last output is in the stack.',
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
