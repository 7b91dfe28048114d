/** The stable codes, in the order of the table below. */
export type ErrorCode =
  | 'TURNOUT_PATH_INVALID'
  | 'TURNOUT_ROUTE_NOT_FOUND'
  | 'TURNOUT_METHOD_NOT_ALLOWED'
  | 'TURNOUT_BODY_TOO_LARGE'
  | 'TURNOUT_BODY_INVALID'
  | 'TURNOUT_BODY_USED'
  | 'TURNOUT_HEADERS_TOO_MANY'
  | 'TURNOUT_TARGET_TOO_LONG'
  | 'TURNOUT_HOST_INVALID'
  | 'TURNOUT_CLIENT_LEFT'
  | 'TURNOUT_HANDLER_FAILED'
  | 'TURNOUT_EXCHANGE_CUT'
  | 'TURNOUT_HANDLER_STUCK'
  | 'TURNOUT_EXIT_REFUSED'
  | 'TURNOUT_NODE_APP_UNREACHABLE'
  | 'TURNOUT_ANSWER_INVALID'
  | 'TURNOUT_NEXT_TWICE'
  | 'TURNOUT_REGISTRATION_INVALID'
  | 'TURNOUT_REGISTRATION_LATE'
  | 'TURNOUT_ROUTE_CONFLICT'
  | 'TURNOUT_ROUTE_AMBIGUOUS'
  | 'TURNOUT_ROUTE_PREFIX'
  | 'TURNOUT_ROUTE_SHADOWED'
  | 'TURNOUT_ROUTE_TWICE'
  | 'TURNOUT_MODULE_NAME_TAKEN'
  | 'TURNOUT_MODULE_EXPORT_INVALID'
  | 'TURNOUT_MODULE_LIST_DIFFERS'
  | 'TURNOUT_SERVICE_IN_REGISTER'
  | 'TURNOUT_SERVICE_FAILED'
  | 'TURNOUT_STATE_ASYNC'
  | 'TURNOUT_STATE_UNCLONEABLE'
  | 'TURNOUT_ISOLATION_REFUSED'
  | 'TURNOUT_SERVICE_ELSEWHERE'
  | 'TURNOUT_ARTIFACT_MISSING'
  | 'TURNOUT_REVISION_UNKNOWN'
  | 'TURNOUT_LISTEN_FAILED'
  | 'TURNOUT_CLOSED'
  | 'TURNOUT_VERSIONS_HELD'
  | 'TURNOUT_WORKERS_ELSEWHERE'
  | 'TURNOUT_WORKER_LOST'
  | 'TURNOUT_WORKER_LATE'
  | 'TURNOUT_WORKERS_FAILED'
  | 'TURNOUT_PATTERN_INVALID'
  | 'TURNOUT_FILES_DIRECTORY_MISSING'
  | 'TURNOUT_FILES_UNREADABLE'
  | 'TURNOUT_FILES_INDEX_MISSING'
  | 'TURNOUT_FILES_NAME_TAKEN'
  | 'TURNOUT_FILES_WATCH_FAILED'
  | 'TURNOUT_FILES_BURST_FAILED'
  | 'TURNOUT_MODULE_FILE_MISSING'
  | 'TURNOUT_MODULE_BUILD_FAILED'
  | 'TURNOUT_MODULE_IMPORT_MISSING'
  | 'TURNOUT_MODULE_DEPENDENCY_MISSING'
  | 'TURNOUT_MODULE_LOAD_FAILED'
  | 'TURNOUT_MODULE_LOAD_TIMEOUT'
  | 'TURNOUT_MODULE_CRASHED'
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
  // store
  | 'TURNOUT_STORE_FAILED'
  | 'TURNOUT_STORE_DAMAGED'
  | 'TURNOUT_STORE_RECOVERED'
  | 'TURNOUT_STORE_TAIL_CUT'
  | 'TURNOUT_STORE_LOCKED'
  | 'TURNOUT_STORE_UNSAFE'
  | 'TURNOUT_ARTIFACT_DAMAGED'
  // the road of a change
  | 'TURNOUT_OWNER_DIFFERS'
  | 'TURNOUT_UPSTREAM_UNKNOWN'
  | 'TURNOUT_UPSTREAM_USED'
  | 'TURNOUT_MODULE_NOT_LIVE'
  | 'TURNOUT_ARTIFACT_QUARANTINED'
  | 'TURNOUT_CLOSURE_DURABLE'
  | 'TURNOUT_CONFIRM_LATE'
  | 'TURNOUT_REVISION_RACE'
  // versions and rollouts
  | 'TURNOUT_ROLLOUT_UNKNOWN'
  | 'TURNOUT_ROLLOUT_RUNNING'
  | 'TURNOUT_ROLLOUT_STATE'
  | 'TURNOUT_ROLLOUT_SUBJECT'
  | 'TURNOUT_VERSION_LOWER'
  | 'TURNOUT_VERSION_INVALID'
  | 'TURNOUT_VERSION_UNAVAILABLE'
  | 'TURNOUT_VERSION_GONE'
  | 'TURNOUT_ADMIN_HOMELESS'
  | 'TURNOUT_OPTION_INVALID'
  // Redis rules
  | 'TURNOUT_REDIS_CLIENT_MISSING'
  | 'TURNOUT_REDIS_UNREACHABLE'
  | 'TURNOUT_REDIS_VALUE'
  | 'TURNOUT_REDIS_KEY_GONE'
  | 'TURNOUT_REDIS_EVICTS'
  // traces
  | 'TURNOUT_TRACING_MISSING'
  | 'TURNOUT_TRACING_SETUP'
  // import
  | 'TURNOUT_IMPORT_FILE'
  | 'TURNOUT_IMPORT_LEFT'
  | 'TURNOUT_IMPORT_DEFAULT'
  | 'TURNOUT_IMPORT_ORDER'
  // definitions
  | 'TURNOUT_DEFINITION_INVALID'
  | 'TURNOUT_SPRING_UNSUPPORTED'
  | 'TURNOUT_URI_FORBIDDEN'
  // admin API
  | 'TURNOUT_ADMIN_HOST'
  | 'TURNOUT_ADMIN_ORIGIN'
  | 'TURNOUT_ADMIN_EXPOSED'
  | 'TURNOUT_ADMIN_FAILED'
  | 'TURNOUT_ADMIN_BUSY'
  | 'TURNOUT_ADMIN_UNREACHABLE'
  | 'TURNOUT_ADMIN_TOKEN_INVALID'
  | 'TURNOUT_TOKENS_FAILED'
  | 'TURNOUT_TOKEN_MISSING'
  | 'TURNOUT_TOKEN_UNKNOWN'
  | 'TURNOUT_TOKEN_LOCKED'
  | 'TURNOUT_TOKEN_EXISTS'
  | 'TURNOUT_SCOPE_MISSING'
  | 'TURNOUT_RATE_LIMITED'
  | 'TURNOUT_RESOURCE_UNKNOWN'
  | 'TURNOUT_METRICS_OFF'
  | 'TURNOUT_QUERY_INVALID'
  | 'TURNOUT_HEADER_INVALID'
  | 'TURNOUT_BODY_TYPE'
  | 'TURNOUT_BODY_UNEXPECTED'
  | 'TURNOUT_JSON_INVALID'
  | 'TURNOUT_INPUT_INVALID'
  | 'TURNOUT_INPUT_VALUE'
  | 'TURNOUT_ITEM_EXISTS'
  | 'TURNOUT_ITEM_UNKNOWN'
  | 'TURNOUT_ITEM_CHANGED'
  | 'TURNOUT_MATCH_MISSING'
  | 'TURNOUT_BASE_MISSING'
  | 'TURNOUT_KEY_REUSED'
  | 'TURNOUT_KEY_RUNNING'
  | 'TURNOUT_AUDIT_FAILED'
  // command line
  | 'TURNOUT_INSTANCE_NOT_FOUND'
  | 'TURNOUT_INSTANCE_TOKEN'
  | 'TURNOUT_INPUT_FILE'
  // Changes that wait.
  | 'TURNOUT_CHANGES_WAITING'
  // Client to an endpoint.
  | 'TURNOUT_ORIGIN_INVALID'
  | 'TURNOUT_REQUEST_UNSENDABLE'
  // upstreams
  | 'TURNOUT_UPSTREAM_UNREACHABLE'
  | 'TURNOUT_UPSTREAM_FORBIDDEN'
  | 'TURNOUT_UPSTREAM_BUSY'
  | 'TURNOUT_UPSTREAM_CLOSED'
  | 'TURNOUT_UPSTREAM_TIMEOUT'
  | 'TURNOUT_UPSTREAM_INVALID'
  | 'TURNOUT_UPSTREAM_TRUNCATED'
  | 'TURNOUT_UPSTREAM_EMPTY'
  | 'TURNOUT_UPSTREAM_GONE'
  | 'TURNOUT_BREAKER_OPEN'
  | 'TURNOUT_BULKHEAD_FULL'
  | 'TURNOUT_ROUTE_FULL'
  | 'TURNOUT_OVERLOADED'
  | 'TURNOUT_TOO_MANY_REQUESTS'
  | 'TURNOUT_CONNECTION_INVALID'
  | 'TURNOUT_REQUEST_INVALID'
  | 'TURNOUT_REQUEST_TIMEOUT'
  | 'TURNOUT_HEADERS_TOO_LARGE'
  | 'TURNOUT_METHOD_REFUSED'
  | 'TURNOUT_EXPECT_INVALID'
  | 'TURNOUT_FIELD_NAME'
  | 'TURNOUT_PIPELINE_TOO_LONG'
  | 'TURNOUT_TLS_FILES'
  | 'TURNOUT_TLS_INVALID'
  | 'TURNOUT_SENT_PATH_INVALID'
  | 'TURNOUT_FAULT_INJECTED'
  | 'TURNOUT_FIELD_TOO_LARGE'
  | 'TURNOUT_RATE_KEY_MISSING'
  // drills
  | 'TURNOUT_DRILL_INVALID'
  | 'TURNOUT_DRILL_ROUTE_OFF'
  | 'TURNOUT_DRILL_REPORT'
  | 'TURNOUT_DRILL_SPENT'
  | 'TURNOUT_DRILL_LEFT'
  // filters of modules
  | 'TURNOUT_FILTER_UNKNOWN'
  | 'TURNOUT_FILTER_USED'
  | 'TURNOUT_FILTER_TWICE'
  | 'TURNOUT_FILTER_BODY'
  // live state of upstreams
  | 'TURNOUT_BREAKER_MISSING'
  // who may pass, and bodies from templates
  | 'TURNOUT_CREDENTIALS_MISSING'
  | 'TURNOUT_CREDENTIALS_INVALID'
  | 'TURNOUT_CREDENTIALS_UNCHECKED'
  | 'TURNOUT_CLIENT_FORBIDDEN'
  | 'TURNOUT_NOT_CACHED'
  | 'TURNOUT_TEMPLATE_REQUEST'
  | 'TURNOUT_TEMPLATE_ANSWER'

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
  TURNOUT_BODY_TOO_LARGE: {
    status: 413,
    message: 'The body is larger than {limit} bytes',
    cause: 'A handler asked for the whole body, and it is over the limit.',
    cure: 'Send less, raise `bodyLimit`, or read `c.body.stream()`.',
  },
  TURNOUT_BODY_INVALID: {
    status: 400,
    message: 'The body is not valid JSON: {reason}',
    cause: 'The handler asked for JSON.',
    cure: 'Send a JSON body.',
  },
  TURNOUT_BODY_USED: {
    status: 500,
    message: 'The body has been read already',
    cause: 'A host read it before Turnout was called, or a handler took it as a stream before.',
    cure: 'Read a body once: mount Turnout before body parsers, or use what they left.',
  },
  TURNOUT_HEADERS_TOO_MANY: {
    status: 431,
    message: 'The request has too many header fields',
    cause: 'A limit that keeps one request cheap: `limits.headerFields`, 100 by default.',
    cure: 'Send fewer fields, or raise the limit.',
  },
  TURNOUT_TARGET_TOO_LONG: {
    status: 414,
    message: 'The request target is too long',
    cause: 'A limit that keeps one request cheap: `limits.targetLength`, 8 KiB by default.',
    cure: 'Send a shorter path or query, or raise the limit.',
  },
  TURNOUT_HOST_INVALID: {
    status: 400,
    message: 'The request has no usable Host',
    cause:
      'The Host field stands there twice, is not a host with an optional port, or is not that of an absolute target.',
    cure: 'Send one Host field, as RFC 9112 section 3.2 asks.',
  },
  TURNOUT_CLIENT_LEFT: {
    status: 400,
    message: 'The client left before its body was complete',
    cause: 'The connection ended early.',
    cure: 'Nothing: nobody is there to read an answer.',
  },
  TURNOUT_HANDLER_FAILED: {
    status: 500,
    message: 'The handler failed',
    cause: 'A handler threw, or its promise rejected.',
    cure: 'Read the log: it has the error and its place in your file.',
  },
  TURNOUT_EXCHANGE_CUT: {
    status: 503,
    message: 'The exchange was ended: {reason}',
    cause:
      'A replaced module version did not let go before its drain deadline, or too many versions were held; or the route or its endpoint was changed and the deadline of `streams` passed.',
    cure: 'Try again; raise `drainMs` where such requests are meant to last.',
  },
  TURNOUT_HANDLER_STUCK: {
    status: 504,
    message: 'The handler held the server up, and was broken off after {ms} ms',
    cause:
      'Code of a module ran for a second without a pause: an endless loop, a regular expression.',
    cure: 'Look for the offence in the log: it names the module version. Take it back, or mend the loop.',
  },
  TURNOUT_EXIT_REFUSED: {
    status: 500,
    message: '{call} is not for modules: the process serves others too',
    cause: 'Code of a module, or of a package that it called, wanted to end the process.',
    cure: 'Throw an error, or answer with one.',
  },
  TURNOUT_NODE_APP_UNREACHABLE: {
    status: 501,
    message: 'A Node app can only answer requests that come through node:http',
    cause: '`turnout.fetch()` was asked for a route of an Express, Connect or Koa app.',
    cure: 'Mount the app behind a listener or `turnout.handler`.',
  },
  // changes
  TURNOUT_ANSWER_INVALID: {
    status: 500,
    message: 'The answer is not valid: {reason}',
    cause: 'A handler returned something that is neither a reply of the context nor a Response.',
    cure: 'Return `c.json()`, `c.text()`, another reply, or a `Response`.',
  },
  TURNOUT_NEXT_TWICE: {
    status: 500,
    message: 'Middleware called next() twice',
    cause: 'What follows a middleware runs once per request.',
    cure: 'Call `next` once and keep its promise.',
  },
  TURNOUT_REGISTRATION_INVALID: {
    status: 422,
    message: 'The registration is not valid: {reason}',
    cause: 'A method, a path or a handler of the registrar is not usable.',
    cure: 'Register `routes.get(path, handler)` with a function as handler, synchronously.',
  },
  TURNOUT_REGISTRATION_LATE: {
    status: 422,
    message: '{path} was registered after `register` had ended',
    cause: 'A module lists its routes once, synchronously.',
    cure: 'Register every route inside `register`.',
  },
  TURNOUT_ROUTE_CONFLICT: {
    status: 409,
    message:
      '{route} ({owner}) stands where {other} ({otherOwner}) stands already; both would serve {witness}',
    cause: 'Two routes of one method and one path shape, and nothing says which serves.',
    cure: 'Rename one path, or remove the other route first.',
  },
  TURNOUT_ROUTE_AMBIGUOUS: {
    status: 409,
    message:
      '{route} ({owner}) overlaps {other} ({otherOwner}), and nothing says which serves: {reason}; witness: {witness}',
    cause:
      'Two constrained params at one place can take the same segment, and neither is more specific; or that cannot be told.',
    cure: 'Make the constraints exclude each other or a segment differ, or set `conflicts` to `exact`.',
  },
  TURNOUT_ROUTE_PREFIX: {
    status: 409,
    message: '{route} ({owner}) crosses {other} ({otherOwner}): {reason}; witness: {witness}',
    cause: '`conflicts` is `prefix`, so no path of an owner may lie in those of another.',
    cure: 'Move one of the paths, give both routes to one owner, or set `conflicts` to `ambiguous`.',
  },
  TURNOUT_ROUTE_SHADOWED: {
    status: 409,
    message: '{route} ({owner}) is never reached: {reason}',
    cause: 'Every request that it could serve is served by routes that come before it.',
    cure: 'Remove the route, or narrow those that take its requests.',
  },
  TURNOUT_ROUTE_TWICE: {
    status: 409,
    message: 'The module registers {route} twice',
    cause: 'Two routes of one method and one pattern in one module.',
    cure: 'Remove one of them.',
  },
  TURNOUT_MODULE_NAME_TAKEN: {
    status: 409,
    message: 'A module named {module} is served already, by {owner}',
    cause: 'Names of modules are unique.',
    cure: 'Give the module another `name`.',
  },
  TURNOUT_MODULE_EXPORT_INVALID: {
    status: 422,
    message: 'The default export is not a module: {reason}',
    cause: 'A module file exports a route module, a fetch app or a Node app as default.',
    cure: 'Write `export default defineModule({ register(routes) { ... } })`.',
  },
  TURNOUT_MODULE_LIST_DIFFERS: {
    status: 422,
    message: '{module} registered other routes or filters than when it was rehearsed: {difference}',
    cause: '`register` depends on something that differs between processes, like time or chance.',
    cure: 'Make `register` list the same routes each time.',
  },
  TURNOUT_SERVICE_IN_REGISTER: {
    status: 422,
    message: '`register` used the service {service}',
    cause: '`register` declares, it does not act: where it is rehearsed there are no services.',
    cure: 'Use services inside handlers.',
  },
  TURNOUT_SERVICE_FAILED: {
    status: 503,
    message: 'The service {service} did not open: {reason}',
    cause: '`open` threw.',
    cure: 'Mend the service; the next change opens it again.',
  },
  TURNOUT_STATE_ASYNC: {
    status: 422,
    message: '`state.create` or `state.migrate` returned a promise',
    cause: 'State moves in the turn of the swap, so it is made synchronously.',
    cure: 'Open what is asynchronous as a service.',
  },
  TURNOUT_STATE_UNCLONEABLE: {
    status: 422,
    message: 'The state of {module} cannot go to another process: {reason}',
    cause:
      'The module is isolated, before or after the change, and its state is copied from process to process; functions and instances of classes cannot be copied.',
    cure: 'Keep plain objects, arrays, maps, sets, dates and bytes in the state, and the rest outside of it.',
  },
  TURNOUT_ISOLATION_REFUSED: {
    status: 422,
    message: 'Module {module} cannot run in a process of its own: {reason}',
    cause: 'Its code, its middleware or its filters stand on objects of this process.',
    cure: 'Give the module as a file, without middleware of the embedding program and without filters; or run it inline.',
  },
  TURNOUT_SERVICE_ELSEWHERE: {
    status: 503,
    message: 'The service {service} is not in the process of an isolated module',
    cause: 'It was given to the embedding program as an object, and no other process can have it.',
    cure: 'Declare it with `open` in a config, and name that file as `configFile`; or run the module inline.',
  },
  TURNOUT_ARTIFACT_MISSING: {
    status: 409,
    message: 'The code of {module} ({digest}) is not kept any more',
    cause: 'The revision is older than what is kept.',
    cure: 'Deploy the module again.',
  },
  TURNOUT_REVISION_UNKNOWN: {
    status: 404,
    message: 'Revision {revision} is not kept',
    cause: 'It never was, or it is older than the history.',
    cure: 'List the revisions that are kept.',
  },
  TURNOUT_LISTEN_FAILED: {
    status: 500,
    message: 'Cannot listen on {host}:{port}: {reason}',
    cause: 'The port is taken, or not allowed.',
    cure: 'Choose another port; 0 picks a free one.',
  },

  // routes
  TURNOUT_WORKERS_ELSEWHERE: {
    status: 500,
    message: 'Exchanges are served by worker processes, not by this one',
    cause: '`handler` or `fetch` was called where worker processes serve.',
    cure: 'Send requests to the listener, or serve in this process.',
  },
  TURNOUT_WORKER_LOST: {
    status: 503,
    message: 'A worker process ended meanwhile: {reason}',
    cause: 'A worker process was killed, or a module brought it down, before it had answered.',
    cure: 'Try again; where it happens with one module only, look into the log for how it ended.',
  },
  TURNOUT_WORKER_LATE: {
    status: 504,
    message: 'A worker process did not answer within {ms} ms',
    cause: 'Its thread is blocked, or the machine has far too much to do.',
    cure: 'Nothing: it is killed and replaced. Look into the log for what it was doing.',
  },
  TURNOUT_WORKERS_FAILED: {
    status: 503,
    message: 'No worker process is ready: {reason}',
    cause: 'Worker processes do not start, or end at once.',
    cure: 'Look into the log for why; start with `--workers 0` to see it in one process.',
  },
  TURNOUT_VERSIONS_HELD: {
    status: 503,
    message: '{held} replaced versions of {module} still hold exchanges',
    cause:
      'Streams of earlier versions go on, and `maxLiveVersions` allows no more versions at once.',
    cure: 'Wait until one has drained: a file is then tried again by itself. Shorten `streamDrainMs`, or raise `maxLiveVersions`.',
  },
  TURNOUT_CLOSED: {
    status: 503,
    message: 'This Turnout is closed',
    cause: 'A change, a folder or a listener came after `close()` was called.',
    cure: 'Make a new one with `createTurnout()`.',
  },
  TURNOUT_PATTERN_INVALID: {
    status: 422,
    message: 'The pattern {pattern} is not valid: {reason}',
    cause: 'A path pattern is made of static segments, :param, :param(regex) and a final *rest.',
    cure: 'Change the pattern as the reason says.',
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

  // build
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

  // config
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

  // store
  TURNOUT_STORE_FAILED: {
    status: 507,
    message: 'The store could not do it: {reason}',
    cause: 'The disk is full, refused to write or read, or the store is closed.',
    cure: 'Make space or mend the disk; the next change is tried anew, and what is served stays as it is.',
  },
  TURNOUT_STORE_DAMAGED: {
    status: 500,
    message: 'The store in {directory} is damaged: {reason}',
    cause:
      'A file of the store is missing or not what was written, and no intact one can stand in.',
    cure: 'Put the folder back from a backup, or move it away to begin with nothing.',
  },
  TURNOUT_STORE_RECOVERED: {
    status: 500,
    message: 'The store in {directory} was damaged: {reason}; {outcome}',
    cause:
      'A file of the store is missing or not what was written: a bad disk, or somebody edited it.',
    cure: 'Check the disk, and publish again what is missing; the damaged files are kept in `damaged/`.',
  },
  TURNOUT_STORE_TAIL_CUT: {
    status: 500,
    message: 'The last {bytes} bytes of {file} were an unfinished write and were cut off',
    cause: 'The process or the machine ended in the middle of a write that was never acknowledged.',
    cure: 'Nothing: the change was not acknowledged; make it again if it is wanted.',
  },
  TURNOUT_STORE_LOCKED: {
    status: 500,
    message: 'The data folder {directory} is in use by process {pid}',
    cause: 'One data folder belongs to one running instance.',
    cure: 'Stop that process, or give this instance a data folder of its own.',
  },
  TURNOUT_STORE_UNSAFE: {
    status: 500,
    message: 'The data folder {directory} is not safe: {reason}',
    cause: 'Whoever can write into the folder decides what is served.',
    cure: 'Take the right to write from others (`chmod 0700`), or choose another folder.',
  },
  TURNOUT_ARTIFACT_DAMAGED: {
    status: 500,
    message: 'The artifact {digest} is damaged: {reason}',
    cause: 'The file of the built module is not what was written.',
    cure: 'Deploy the module again; the damaged file was moved to `damaged/`.',
  },

  // the road of a change
  TURNOUT_OWNER_DIFFERS: {
    status: 409,
    message: '{item} belongs to {owner}',
    cause: 'Only the owner of an object may change it: the source that brought it.',
    cure: 'Change it at its source. A route of another owner can be switched off, and on again.',
  },
  TURNOUT_UPSTREAM_UNKNOWN: {
    status: 422,
    message: 'Route {route} names the upstream {upstream}, which does not exist',
    cause: 'A route goes to an upstream of the same table.',
    cure: 'Put the upstream in with the same change, or before.',
  },
  TURNOUT_UPSTREAM_USED: {
    status: 409,
    message: 'Upstream {upstream} is used by route {route} ({owner})',
    cause: 'An upstream stays as long as a route names it.',
    cure: 'Remove or change its routes in the same change, or before.',
  },
  TURNOUT_MODULE_NOT_LIVE: {
    status: 503,
    message: 'Module {module} could not be made ready after the start',
    cause: 'Its artifact is gone or damaged, or a service that it needs did not open.',
    cure: 'Look for the rejection in the log; save the module again, or roll back.',
  },
  TURNOUT_ARTIFACT_QUARANTINED: {
    status: 422,
    message: '{file} failed three times as it is, and is not tried again',
    cause:
      'The same artifact crashed, hung or threw each time it was tried; or it held the server up three times in its probation.',
    cure: 'Change the module: another digest is another try.',
  },
  TURNOUT_CLOSURE_DURABLE: {
    status: 500,
    message: 'Handlers of this program cannot be kept in a durable store',
    cause: 'A function lives only in its process, and a durable store must serve after a restart.',
    cure: 'Give modules as files, or leave `data` away.',
  },
  TURNOUT_ROLLOUT_UNKNOWN: {
    status: 404,
    message: 'There is no rollout {id}',
    cause: 'None of that name was started, or it is older than what is kept.',
    cure: 'List the rollouts.',
  },
  TURNOUT_ROLLOUT_RUNNING: {
    status: 409,
    message: 'The rollout {id} is under way',
    cause:
      'One subject has one rollout at a time, and its routes and upstreams are not edited meanwhile.',
    cure: 'Promote or abort it first.',
  },
  TURNOUT_ROLLOUT_STATE: {
    status: 409,
    message: 'The rollout {id} is {status}',
    cause: 'What was asked for does not fit where it stands.',
    cure: 'Look at its status.',
  },
  TURNOUT_ROLLOUT_SUBJECT: {
    status: 409,
    message: '{subject} cannot be rolled out: {reason}',
    cause: 'A rollout needs one version in service and another beside it.',
    cure: 'Look at the versions that are live.',
  },
  TURNOUT_VERSION_LOWER: {
    status: 409,
    message: 'Module {module} {version} is lower than {serving}, which is in service',
    cause: 'A lower version is mostly a mistake: an old checkout, a wrong branch.',
    cure: 'Raise the version, roll back to an earlier revision, or publish it with a reason.',
  },
  TURNOUT_VERSION_INVALID: {
    status: 400,
    message: 'The request asks for the version {version}, which is no version and no range',
    cause: 'A version is asked for as 1.2.0, 1.2, ^1.2 or >=1 <3.',
    cure: 'Ask for one of the versions that are live.',
  },
  TURNOUT_VERSION_UNAVAILABLE: {
    status: 406,
    message: 'No live version serves a request for {version}',
    cause: 'None of the versions at this path is what was asked for.',
    cure: 'Ask for one of the versions that are live.',
  },
  TURNOUT_VERSION_GONE: {
    status: 410,
    message: 'Version {version} is no longer served',
    cause: 'It was retired, or its sunset date has passed.',
    cure: 'Move to a version that is live.',
  },
  TURNOUT_CONFIRM_LATE: {
    status: 409,
    message: 'Revision {revision} does not wait for a confirmation',
    cause: 'It was confirmed, taken back or rolled back already, or asked for none.',
    cure: 'Look at `turnout history`.',
  },
  TURNOUT_REVISION_RACE: {
    status: 412,
    message: 'Somebody else published revision {revision} meanwhile',
    cause: 'A publish is a compare-and-set on the newest revision.',
    cure: 'Try again on the new table.',
  },
  TURNOUT_OPTION_INVALID: {
    status: 500,
    message: 'The option {option} is not valid: {reason}',
    cause: 'An option that is unknown or of another kind would silently do nothing.',
    cure: 'Change it as the reason says; the guide of embedding lists the options.',
  },
  TURNOUT_ADMIN_HOMELESS: {
    status: 500,
    message: 'The admin API needs a folder for its tokens and its audit log',
    cause: 'This Turnout keeps nothing on the disk.',
    cure: 'Give `directory`, or open it with `openTurnout({ data })`.',
  },

  // Redis rules
  TURNOUT_REDIS_CLIENT_MISSING: {
    status: 500,
    message: 'Rules from Redis need the package @redis/client, which cannot be loaded: {reason}',
    cause: 'It is an optional peer of turnout, installed only where rules come from Redis.',
    cure: 'Install it beside turnout: npm install @redis/client.',
  },
  TURNOUT_REDIS_UNREACHABLE: {
    status: 503,
    message: 'Redis at {url} is {state}: {reason}; what was served before goes on',
    cause:
      '`down`: nobody answers there. `silent`: it took the connection and does not answer in time. `slow`: it answers late. `denied`: it refuses the user. `loading`: it reads its own data.',
    cure: 'Look at the server. It is asked again by itself, at the latest every 10 seconds.',
  },
  TURNOUT_REDIS_VALUE: {
    status: 422,
    message:
      'The key {key} of Redis is not taken ({state}): {reason}; what was served before goes on',
    cause:
      'The value is no JSON, no list of rules, empty, larger than 1 MiB, or the key is of another type than string.',
    cure: 'Set the key to rules (docs/guide/redis.md); to serve no route of it at all, set it to {"empty":true}.',
  },
  TURNOUT_REDIS_KEY_GONE: {
    status: 503,
    message:
      'The key {key} of Redis is not there ({state}): {reason}; what was served before goes on',
    cause:
      '`missing`: it was never there. `deleted`: somebody removed it, or it expired. `evicted`: the server made room. `lost`: the server was started anew without it.',
    cure: 'Set the key again. To serve no route of it at all, set it to {"empty":true}.',
  },
  TURNOUT_REDIS_EVICTS: {
    status: 500,
    message: 'Redis at {url} may drop the key {key}: {reason}',
    cause: 'The server evicts keys when its memory is full, or the key has a time to live.',
    cure: 'Set maxmemory-policy to noeviction, and PERSIST the key.',
  },

  // traces
  TURNOUT_TRACING_MISSING: {
    status: 500,
    message: 'Tracing needs the package @opentelemetry/api, which cannot be loaded: {reason}',
    cause: 'It is an optional peer of turnout, installed only where spans are recorded.',
    cure: 'Install it beside turnout: npm install @opentelemetry/api. Or say `tracing: { export: false }`, and the headers alone go on.',
  },
  TURNOUT_TRACING_SETUP: {
    status: 500,
    message: '{file} cannot set up tracing: {reason}',
    cause: 'The module of `tracing.setup` could not be imported, or threw.',
    cure: 'Run it by itself with node, and look at what it says.',
  },

  // import
  TURNOUT_IMPORT_FILE: {
    status: 422,
    message: 'Cannot import {file}: {reason}',
    cause: 'It is neither an application.yml of Spring Cloud Gateway nor a dump of its actuator.',
    cure: 'Name an application.yml, or what GET /actuator/gateway/routedefinitions answers.',
  },
  TURNOUT_IMPORT_LEFT: {
    status: 422,
    message: '{what} is not carried: {reason}',
    cause: 'There is no setting of this name here, or its value is not known.',
    cure: 'Say it in the file that was written; the guide on moving from Spring Cloud Gateway tells how.',
  },
  TURNOUT_IMPORT_ORDER: {
    status: 200,
    message:
      'Requests like {path} go to {route} here; in Spring {other} stands before it and may take them',
    cause: 'Spring asks the routes one after the other; here the more specific path wins.',
    cure: 'Look which of the two was meant; `turnout probe` says which route a request takes.',
  },
  TURNOUT_IMPORT_DEFAULT: {
    status: 200,
    message: '{what} is written as its default, {value}',
    cause:
      'Nobody says what it is where the import runs; where the gateway ran, somebody may have.',
    cure: 'Look whether it is right; with --env variables of the environment are filled in.',
  },

  // definitions
  TURNOUT_DEFINITION_INVALID: {
    status: 422,
    message: 'The definition is not valid: {reason}',
    cause: 'A part of the route or upstream is missing, is of another kind, or is too much.',
    cure: 'Change the part that the pointer names as the reason says.',
  },
  TURNOUT_SPRING_UNSUPPORTED: {
    status: 422,
    message: '{name} cannot be honoured: {reason}',
    cause:
      'A Spring Cloud Gateway definition asks for what Turnout does not do, or not yet, and leaving it out would change what is served.',
    cure: 'Take it out of the definition, or say the same in another way.',
  },
  TURNOUT_URI_FORBIDDEN: {
    status: 422,
    message: 'The URI {uri} cannot be a target: {reason}',
    cause:
      'A target is an http or https server; link-local, metadata and unspecified addresses are kept out of reach.',
    cure: 'Name another server.',
  },

  // admin API
  TURNOUT_ADMIN_HOST: {
    status: 403,
    message: 'The admin API is not asked under the name {host}',
    cause: 'A page that points a name of its own at this address could otherwise reach the API.',
    cure: 'Ask under localhost or the bound address, or name the host in the options of the admin API.',
  },
  TURNOUT_ADMIN_ORIGIN: {
    status: 403,
    message: 'The admin API does not answer requests of other sites ({field})',
    cause: 'A browser sent the request for a page of another origin.',
    cure: 'Ask from a program, or from a page of the same origin.',
  },
  TURNOUT_ADMIN_EXPOSED: {
    status: 500,
    message: 'The admin API does not listen on {host} without TLS',
    cause: 'Tokens would cross the network in the clear.',
    cure: 'Listen on 127.0.0.1, or give a key and a certificate.',
  },
  TURNOUT_ADMIN_FAILED: {
    status: 500,
    message: 'The admin API failed',
    cause: 'Something went wrong that is no fault of the request.',
    cure: 'Read the log: it has the error and the id of the request.',
  },
  TURNOUT_ADMIN_BUSY: {
    status: 503,
    message: 'The admin API is busy: {reason}',
    cause: 'A bound of what waits at once is reached.',
    cure: 'Try again after the time in Retry-After.',
  },
  TURNOUT_ADMIN_UNREACHABLE: {
    status: 503,
    message: 'The admin API at {url} does not answer: {reason}',
    cause: 'Nothing listens there, or the connection broke.',
    cure: 'Start the instance with its admin API on, or correct the address.',
  },
  TURNOUT_ADMIN_TOKEN_INVALID: {
    status: 500,
    message: 'The admin token of {source} cannot be used: {reason}',
    cause: 'A token that others can read or guess is none.',
    cure: 'Correct it, or remove it: a new one is made at the next start.',
  },
  TURNOUT_TOKENS_FAILED: {
    status: 500,
    message: 'The tokens in {file} cannot be used: {reason}',
    cause: 'The file is damaged, not readable or not writable, or it is full.',
    cure: 'Mend the disk, or move the file away: the tokens in it are lost, that of the first start stays. `--admin off` serves without the API.',
  },
  TURNOUT_TOKEN_MISSING: {
    status: 401,
    message: 'The request has no token',
    cause: 'Every request to the admin API shows a token.',
    cure: 'Send `Authorization: Bearer TOKEN`; the first one is in `admin-token` of the data folder.',
  },
  TURNOUT_TOKEN_UNKNOWN: {
    status: 401,
    message: 'The token is not one of this instance, or has expired',
    cause: 'It was mistyped, removed, or its time is over.',
    cure: 'Use another token, or make one with POST /api/tokens.',
  },
  TURNOUT_TOKEN_LOCKED: {
    status: 429,
    message: 'Too many wrong tokens came from this address',
    cause: 'After five wrong tokens in a row an address has to wait, longer each time.',
    cure: 'Wait for the time in Retry-After; a right token is let in all the while.',
  },
  TURNOUT_TOKEN_EXISTS: {
    status: 409,
    message: 'There is a token named {name} already',
    cause: 'Names tell in the audit log who did something.',
    cure: 'Choose another name, or remove that token first.',
  },
  TURNOUT_SCOPE_MISSING: {
    status: 403,
    message: 'The token may not {what}',
    cause: 'Its scopes do not cover it.',
    cure: 'Use a token with the scope, or make one.',
  },
  TURNOUT_RATE_LIMITED: {
    status: 429,
    message: '{whose} made more than {rate} changes per second',
    cause:
      'One client must not keep all others from changing something, nor all of them slow down what is served.',
    cure: 'Wait for the time in Retry-After, or put several objects into one POST /api/changes.',
  },
  TURNOUT_RESOURCE_UNKNOWN: {
    status: 404,
    message: 'The admin API has no {path}',
    cause: 'No operation has this path.',
    cure: 'Look into /api/openapi.json.',
  },
  TURNOUT_METRICS_OFF: {
    status: 404,
    message: 'Metrics are off',
    cause: 'The option `metrics` is false, so nothing is counted.',
    cure: 'Leave the option out, or set it to true, and start again.',
  },
  TURNOUT_QUERY_INVALID: {
    status: 400,
    message: 'The query is not valid: {reason}',
    cause: 'A parameter is unknown, stands twice, or has a value that it cannot have.',
    cure: 'Correct it; /api/openapi.json lists the parameters.',
  },
  TURNOUT_HEADER_INVALID: {
    status: 400,
    message: 'The field {field} is not valid: {reason}',
    cause: 'The field has a value that it cannot have here.',
    cure: 'Correct the field, or leave it away.',
  },
  TURNOUT_BODY_TYPE: {
    status: 415,
    message: 'The body has to be {types}',
    cause: 'Other types are not read, so that no form of a web page can send one.',
    cure: 'Send the body with this Content-Type, in UTF-8 and not compressed.',
  },
  TURNOUT_BODY_UNEXPECTED: {
    status: 400,
    message: 'The operation takes no body',
    cause: 'What is not read must not be taken for something that was heeded.',
    cure: 'Send no body.',
  },
  TURNOUT_JSON_INVALID: {
    status: 400,
    message: 'The body is not JSON that can be taken, at line {line}, column {column}: {reason}',
    cause:
      'A syntax error, a key that stands twice, a key that reaches a prototype, or more than 32 levels.',
    cure: 'Correct the body at the place shown.',
  },
  TURNOUT_INPUT_INVALID: {
    status: 422,
    message: 'The body has {count}',
    cause: 'Each problem names its place as a JSON pointer.',
    cure: 'Correct every place; all of them are listed.',
  },
  TURNOUT_INPUT_VALUE: {
    status: 422,
    message: '{pointer}: {reason}',
    cause: 'The value is unknown or not what is asked for at this place.',
    cure: 'Correct the value; /api/openapi.json tells what it may be.',
  },
  TURNOUT_ITEM_EXISTS: {
    status: 409,
    message:
      'The {noun} {id} ({owner}, {place}) is not created: {other} ({otherOwner}, {otherPlace}) is there already',
    cause: 'Ids are unique.',
    cure: 'Choose another id, or replace the one that is there with PUT and If-Match.',
  },
  TURNOUT_ITEM_UNKNOWN: {
    status: 404,
    message: 'There is no {noun} {id}',
    cause: 'It never was, or it has been removed.',
    cure: 'Look at the list.',
  },
  TURNOUT_ITEM_CHANGED: {
    status: 412,
    message: '{id} was touched last by revision {revision}, which is not what the request asks for',
    cause: 'Somebody else changed it since it was looked at.',
    cure: 'Get it again, and make the change on what is there now.',
  },
  TURNOUT_MATCH_MISSING: {
    status: 428,
    message: '{id} is there already, touched last by revision {revision}',
    cause:
      'A change of something that is there says which state it is based on, so that nobody loses a change.',
    cure: 'Send the ETag of the item as If-Match, or ?force=true.',
  },
  TURNOUT_BASE_MISSING: {
    status: 428,
    message: '{id} is there already, touched last by revision {revision}',
    cause: 'A change set that changes what is there says which revision it is based on.',
    cure: 'Send `based_on` with the revision that was looked at, or ?force=true.',
  },
  TURNOUT_KEY_REUSED: {
    status: 422,
    message: 'The Idempotency-Key {key} was used for another request',
    cause: 'One key stands for one request, body included.',
    cure: 'Use a new key for a new request.',
  },
  TURNOUT_KEY_RUNNING: {
    status: 409,
    message: 'The first request with the Idempotency-Key {key} is still running',
    cause: 'Its answer is not known yet.',
    cure: 'Send it again in a moment.',
  },
  TURNOUT_AUDIT_FAILED: {
    status: 503,
    message: 'The audit log cannot be written: {reason}',
    cause: 'Nothing is changed that cannot be written down first.',
    cure: 'See to the disk; what is served goes on.',
  },

  // command line
  TURNOUT_INSTANCE_NOT_FOUND: {
    status: 503,
    message: 'No running instance was reached: {reason}',
    cause: 'No instance runs here, its admin API is off, or it is somewhere else.',
    cure: 'Start one with `turnout serve`, or name it with `--admin URL` or `--data DIR`.',
  },
  TURNOUT_INSTANCE_TOKEN: {
    status: 401,
    message: 'There is no token for the instance at {url}: {reason}',
    cause: 'The admin API answers only who shows a token.',
    cure: 'Set TURNOUT_ADMIN_TOKEN, or name the data folder of the instance with `--data DIR`.',
  },
  TURNOUT_INPUT_FILE: {
    status: 422,
    message: 'Cannot take {file}: {reason}',
    cause:
      'A change is read from files of routes (.json, .yaml, .yml), route modules, folders of modules, or standard input (-).',
    cure: 'Correct the file, or the path that names it.',
  },
  // Changes that wait.
  TURNOUT_CHANGES_WAITING: {
    status: 429,
    message: '{most} changes are under way already',
    cause: 'More come than reach the disk; one that waits for long would be no answer.',
    cure: 'Wait for the time in Retry-After, or put several objects into one POST /api/changes.',
  },
  // Client to an endpoint.
  TURNOUT_ORIGIN_INVALID: {
    status: 422,
    message: 'An endpoint cannot be at {url}',
    cause: 'Endpoints are `http://host:port`, `https://host:port` or `unix:/path/of.sock`.',
    cure: 'Leave out user, path, query and fragment; a path in front is a filter of the route.',
  },
  TURNOUT_REQUEST_UNSENDABLE: {
    status: 500,
    message: 'A request to an endpoint is not sent: {reason}',
    cause:
      'Whatever filters and modules made of a request is checked before a byte of it leaves, so that it is not read as two.',
    cure: 'Correct the filter or module that made it.',
  },
  // upstreams
  TURNOUT_UPSTREAM_UNREACHABLE: {
    status: 502,
    message: 'The upstream {upstream} cannot be reached',
    cause:
      'No connection to an endpoint came about in time, or its certificate is not the one that is expected.',
    cure: 'See the log for the endpoint and the reason; see to it, or take it out.',
  },
  TURNOUT_UPSTREAM_FORBIDDEN: {
    status: 502,
    message: 'The upstream {upstream} leads to an address that is not allowed',
    cause: 'A name led to the admin API, a link-local address or a metadata service.',
    cure: 'See where the name leads.',
  },
  TURNOUT_UPSTREAM_BUSY: {
    status: 503,
    message: 'The upstream {upstream} has no free connection',
    cause:
      'All connections of an endpoint are in use, and too many exchanges wait for one, or one waited for too long.',
    cure: 'Send it again later; give the pool more connections, or the upstream more endpoints.',
  },
  TURNOUT_UPSTREAM_CLOSED: {
    status: 502,
    message: 'The upstream {upstream} closed the connection before it answered',
    cause: 'An endpoint ended or reset the connection.',
    cure: 'See the log of the endpoint.',
  },
  TURNOUT_UPSTREAM_TIMEOUT: {
    status: 504,
    message: 'The upstream {upstream} did not answer in time',
    cause: 'A deadline of the upstream or of the route has passed.',
    cure: 'See why the endpoint is slow, or give the route another deadline.',
  },
  TURNOUT_UPSTREAM_INVALID: {
    status: 502,
    message: 'The upstream {upstream} sent what is no answer',
    cause:
      'Its status, its fields or their framing are not those of HTTP; nothing of it was passed on.',
    cure: 'See the log for what was wrong with it.',
  },
  TURNOUT_UPSTREAM_TRUNCATED: {
    status: 502,
    message: 'The upstream {upstream} ended in the middle of an answer',
    cause:
      'The connection ended before the body did. The connection of the client was cut, so that it sees so.',
    cure: 'See the log of the endpoint.',
  },
  TURNOUT_UPSTREAM_EMPTY: {
    status: 503,
    message: 'The upstream {upstream} has no endpoint for this request',
    cause: 'It has none with this subset, none with a weight, or none of its names leads anywhere.',
    cure: 'Give it an endpoint, or the endpoint the labels that the route asks for.',
  },
  TURNOUT_UPSTREAM_GONE: {
    status: 503,
    message: 'The upstream {upstream} is not there any more',
    cause: 'It was removed while the request was on its way.',
    cure: 'Send it again.',
  },
  TURNOUT_BREAKER_OPEN: {
    status: 503,
    message: 'The breaker of the upstream {upstream} is open',
    cause: 'Too many calls failed or were slow.',
    cure: 'Send it again after the time in Retry-After.',
  },
  TURNOUT_BULKHEAD_FULL: {
    status: 503,
    message: 'The upstream {upstream} takes no more calls at once',
    cause: 'As many calls as its bulkhead lets in are under way.',
    cure: 'Send it again later, or give the bulkhead more room.',
  },
  TURNOUT_ROUTE_FULL: {
    status: 503,
    message: 'The route takes no more requests at once',
    cause: 'As many requests as the filter `bulkhead` of the route lets in are under way.',
    cure: 'Send it again after the time in Retry-After, or give the filter more room.',
  },
  TURNOUT_OVERLOADED: {
    status: 503,
    message: 'The server is overloaded',
    cause:
      'More is asked of the worker than it can do, or its memory is nearly full. The request was turned away before its body was read.',
    cure: 'Send it again after the time in Retry-After. See the limit in the log and in `turnout.overload`; add workers or instances.',
  },
  TURNOUT_CONNECTION_INVALID: {
    status: 400,
    message: 'The field Connection may not name {name}',
    cause: 'A field that Connection names is removed by every proxy, and others rely on this one.',
    cure: 'Leave it out of Connection.',
  },
  TURNOUT_TOO_MANY_REQUESTS: {
    status: 429,
    message: 'More than {rate} requests per second',
    cause: 'A rate limit of the route is spent.',
    cure: 'Send it again after the time in Retry-After.',
  },
  TURNOUT_REQUEST_INVALID: {
    status: 400,
    message: 'The request is not valid HTTP: {reason}',
    cause:
      'Its framing, its target or its first line breaks RFC 9112, or can be read in two ways, which is how requests are smuggled.',
    cure: 'Correct the client, or the proxy in front that made this of its request.',
  },
  TURNOUT_REQUEST_TIMEOUT: {
    status: 408,
    message: 'The request did not come in time',
    cause:
      'Its head or its body took longer than `limits.headersMs` or `limits.requestMs`, or its body came slower than `limits.bodyBytesPerSecond`; or its client stalled while others waited for a connection to the same upstream.',
    cure: 'Send it faster, or raise the limit.',
  },
  TURNOUT_HEADERS_TOO_LARGE: {
    status: 431,
    message: 'The header fields are larger than the limit',
    cause: 'Together they have more bytes than `limits.headerBytes`.',
    cure: 'Send less; cookies are the usual reason. Or raise the limit.',
  },
  TURNOUT_FIELD_TOO_LARGE: {
    status: 431,
    message: 'A header field is larger than {limit} bytes',
    cause: 'Its name and all of its values together are more than the filter `header-limit` takes.',
    cure: 'Send less in one field; cookies are the usual reason. Or raise `bytes` of the filter.',
  },
  TURNOUT_RATE_KEY_MISSING: {
    status: 403,
    message: 'The request does not say who it is from',
    cause: 'A rate limit counts by a field that the request does not have, and takes no others.',
    cure: 'Send the field; or let the limit count by another key, or without `emptyStatus`.',
  },
  TURNOUT_METHOD_REFUSED: {
    status: 405,
    message: '{method} is refused',
    cause:
      'CONNECT would make a tunnel, TRACE shows fields that only the client and its proxies may see.',
    cure: 'Use another method.',
  },
  TURNOUT_EXPECT_INVALID: {
    status: 417,
    message: 'The field Expect may only say 100-continue',
    cause: 'Anything else is read in one way by some programs and in another by the next.',
    cure: 'Send `Expect: 100-continue`, once, or no such field.',
  },
  TURNOUT_FIELD_NAME: {
    status: 400,
    message: 'A header field has "_" in its name',
    cause:
      'Many programs take "_" for "-", so that such a name passes by checks of the other. `underscores` is `refuse`.',
    cure: 'Write the name with "-", or set `underscores` to `drop` or `keep`.',
  },
  TURNOUT_PIPELINE_TOO_LONG: {
    status: 429,
    message: 'Too many requests of this connection wait for their answers',
    cause:
      'A client sends requests without waiting for answers, and more than `limits.pipelining` wait.',
    cure: 'Wait for answers, use more connections, or raise the limit.',
  },
  TURNOUT_TLS_FILES: {
    status: 500,
    message: 'Cannot read the key or the certificate: {reason}',
    cause: 'The files of `tls` are not there, or cannot be read.',
    cure: 'Correct the paths, or the permissions. A server that has a certificate keeps it.',
  },
  TURNOUT_TLS_INVALID: {
    status: 500,
    message: 'The certificate {file} cannot be used: {reason}',
    cause: 'It does not belong to the key, is out of its time, or is not PEM.',
    cure: 'Replace both files. A server that has a certificate keeps it.',
  },
  TURNOUT_SENT_PATH_INVALID: {
    status: 400,
    message: 'What the route makes of this path is no path',
    cause:
      'A filter put a path together that has dot segments, bad escapes or other characters than a path, or is too long. It is not sent on.',
    cure: 'Correct the template or the replacement, or the request.',
  },
  TURNOUT_FAULT_INJECTED: {
    status: 503,
    message: 'A fault was injected on purpose',
    cause: 'The route has a filter fault, for a drill; the status is the one it names.',
    cure: 'End the drill: remove the filter.',
  },
  // drills
  TURNOUT_DRILL_INVALID: {
    status: 422,
    message: 'Cannot drill by {file}: {reason}',
    cause:
      'A drill is a file (.json, .yaml) of budget, probe and steps; a part of it is missing or of another kind.',
    cure: 'Change the part that the pointer names as the reason says; docs/guide/drills.md lists them.',
  },
  TURNOUT_DRILL_ROUTE_OFF: {
    status: 409,
    message: 'The route {route} serves nothing: it is off',
    cause: 'A fault in front of a route that is switched off or disabled does nothing.',
    cure: 'Switch the route on, or leave it out of the drill.',
  },
  TURNOUT_DRILL_REPORT: {
    status: 500,
    message: 'Cannot write the report {file}: {reason}',
    cause:
      'The file cannot be made or written; the drill has not begun if this is said before its first step.',
    cure: 'Name a file in a folder that is there and may be written.',
  },
  TURNOUT_DRILL_SPENT: {
    status: 500,
    message: 'The budget is spent in the step {step}: {failed} of {sent} probes failed',
    cause:
      'More probes failed than the budget of the drill allows; the fault was taken back at once.',
    cure: 'Look at the statuses in the report: what stands behind these routes does not bear the fault.',
  },
  TURNOUT_DRILL_LEFT: {
    status: 500,
    message: 'It is not known whether the fault of the step {step} is gone: {reason}',
    cause: 'The instance did not answer, or refused to take the change back.',
    cure: 'Look at `turnout history`: the instance takes it back by itself, a few seconds after the step would have ended.',
  },
  // filters of modules
  TURNOUT_FILTER_UNKNOWN: {
    status: 422,
    message: 'Route {route} names the filter {filter} of the module {module}, which does not exist',
    cause: 'No module of that name is served, or it registers no filter of that name.',
    cure: 'Register it with `routes.filter(name, filter)`, or correct the names.',
  },
  TURNOUT_FILTER_USED: {
    status: 409,
    message: 'The filter {filter} of the module {module} is used by route {route} ({owner})',
    cause:
      'A filter stays as long as a route names it: without it the route would serve unfiltered.',
    cure: 'Take it out of the filters of that route first, or keep registering it.',
  },
  TURNOUT_FILTER_TWICE: {
    status: 409,
    message: 'The module registers the filter {filter} twice',
    cause: 'Two filters of one name in one module.',
    cure: 'Rename or remove one of them.',
  },
  TURNOUT_FILTER_BODY: {
    status: 500,
    message: 'A filter cannot read the body of the request',
    cause: 'The body goes on to the target of the route as it comes; nobody keeps it.',
    cure: 'Read it in a handler, or decide by what the head of the request says.',
  },
  // live state of upstreams
  TURNOUT_BREAKER_MISSING: {
    status: 409,
    message: 'The upstream {upstream} has no breaker',
    cause:
      'A state was asked for by hand, but its settings switch no breaker on; a bare URI never has one.',
    cure: 'Give the upstream `breaker: {}`, or a route with a bare URI an upstream of its own, and ask again.',
  },
  // who may pass, and bodies from templates
  TURNOUT_CREDENTIALS_MISSING: {
    status: 401,
    message: 'The request has no credentials',
    cause: 'The route asks for a key, a name and a password, or a token, and the request has none.',
    cure: 'Send it with what WWW-Authenticate asks for.',
  },
  TURNOUT_CREDENTIALS_INVALID: {
    status: 401,
    message: 'The credentials are not accepted',
    cause:
      'The key, the password or the token is none that the route knows, is out of its time, or is there more than once.',
    cure: 'Send the right ones, once. Why a token was refused is in the log of the gateway, at debug.',
  },
  TURNOUT_CREDENTIALS_UNCHECKED: {
    status: 503,
    message: 'The credentials cannot be checked: {reason}',
    cause:
      'The keys of the issuer or a secret could not be read, or too many passwords are checked at once. Nobody passes unchecked.',
    cure: 'Send it again after the time in Retry-After; the log of the gateway names the address, file or variable.',
  },
  TURNOUT_CLIENT_FORBIDDEN: {
    status: 403,
    message: 'The client may not use this route',
    cause:
      'Its address is denied or not among those that are allowed, or its token lacks a claim that the route requires.',
    cure: 'Ask whoever owns the route. Behind a proxy, name it in `trustedProxies`.',
  },
  TURNOUT_NOT_CACHED: {
    status: 504,
    message: 'No answer is kept that would do',
    cause: 'The request says `Cache-Control: only-if-cached`.',
    cure: 'Send it without.',
  },
  TURNOUT_TEMPLATE_REQUEST: {
    status: 400,
    message: 'The body for the upstream cannot be made of this request: {reason}',
    cause:
      'The route makes a new body from a template, and what it needs of the request is not there.',
    cure: 'Send a body of JSON, without Content-Encoding, with the values that the route needs.',
  },
  TURNOUT_TEMPLATE_ANSWER: {
    status: 502,
    message: 'The answer of the upstream cannot be put into its template: {reason}',
    cause:
      'The route makes a new body from a template, and what it needs of the answer is not there.',
    cure: 'See what the upstream answers, or correct the template.',
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

  /** An error with the code and message of a problem, carrying all problems found with it. */
  static of(first: Problem, problems: readonly Problem[] = [first]): TurnoutError {
    const error = new TurnoutError(first.code, {}, { problems })
    error.message = first.message
    return error
  }
}
