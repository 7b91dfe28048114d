/** The stable codes, in the order of the table below. */
export type ErrorCode =
  | 'TURNOUT_PATH_INVALID'
  | 'TURNOUT_ROUTE_NOT_FOUND'
  | 'TURNOUT_METHOD_NOT_ALLOWED'
  | 'TURNOUT_FILES_DIRECTORY_MISSING'
  | 'TURNOUT_FILES_UNREADABLE'
  | 'TURNOUT_FILES_INDEX_MISSING'
  | 'TURNOUT_FILES_NAME_TAKEN'
  | 'TURNOUT_FILES_WATCH_FAILED'
  | 'TURNOUT_FILES_BURST_FAILED'

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

  // files as a source
  TURNOUT_FILES_DIRECTORY_MISSING: {
    status: 500,
    message: 'The folder of route modules {directory} cannot be read: {reason}',
    cause: 'The served folder does not exist, is no folder, or may not be read.',
    cure: 'Create it or name another; until then what was served before is served on.',
  },
  TURNOUT_FILES_UNREADABLE: {
    status: 500,
    message: '{file} looks like a route module but cannot be read: {reason}',
    cause: 'It is a dangling link, no regular file, or a folder that may not be read.',
    cure: 'Repair or delete it; until then the last good version of the module is served on.',
  },
  TURNOUT_FILES_INDEX_MISSING: {
    status: 500,
    message: 'The folder {directory} has code but no index file, so it is no route module',
    cause: 'A folder is a module by its index file (index.ts, index.js, ...).',
    cure: 'Add an index file, or start the name of the folder with _ when it only holds helpers.',
  },
  TURNOUT_FILES_NAME_TAKEN: {
    status: 409,
    message: 'Several files give the one module {name}: {files}',
    cause: 'A file and a folder, or two files that differ in the extension only, share a name.',
    cure: 'Keep one of them; until then the last good version of the module is served on.',
  },
  TURNOUT_FILES_WATCH_FAILED: {
    status: 500,
    message: 'Watching {directory} failed ({reason}); polling finds its changes, a little later',
    cause: 'A limit on watches or open files is reached, or the file system sends no events.',
    cure: 'Raise the limit (Linux: fs.inotify.max_user_watches, fs.inotify.max_user_instances).',
  },
  TURNOUT_FILES_BURST_FAILED: {
    status: 500,
    message: 'A change of files could not be handled: {reason}',
    cause: 'The code that takes the changes of the folder threw.',
    cure: 'See the stack; the next change of the same files is reported as usual.',
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
