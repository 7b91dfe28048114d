import { errorTable, type ErrorCode } from '../core/errors.ts'

/** What to do at the command line, where the table speaks of requests. */
const atCommandLine: Partial<Readonly<Record<ErrorCode, string>>> = {
  TURNOUT_BASE_MISSING:
    'Look at what would change with `turnout plan`, then say `--based-on N` with the revision that it names, or `--force`.',
  TURNOUT_ITEM_CHANGED: 'Plan it again on what is there now, and publish with that `--based-on`.',
  TURNOUT_TOKEN_UNKNOWN:
    'Set TURNOUT_ADMIN_TOKEN to a token of this instance, or name its data folder with `--data DIR`.',
  TURNOUT_REVISION_UNKNOWN: '`turnout history` lists the revisions that are kept.',
  TURNOUT_ROLLOUT_UNKNOWN: '`turnout rollout list` lists them.',
  TURNOUT_ROLLOUT_RUNNING: '`turnout rollout promote` or `abort` it first.',
  TURNOUT_ROLLOUT_STATE: 'Look at it with `turnout rollout status`.',
  TURNOUT_ROLLOUT_SUBJECT: '`turnout versions` lists the versions that are live.',
  TURNOUT_ITEM_UNKNOWN: '`turnout routes` lists what is served.',
}

/** What to do about a code; undefined where an instance of another version knows it and this one does not. */
export function cureOf(code: ErrorCode): string | undefined {
  if (!Object.hasOwn(errorTable, code)) return undefined
  return atCommandLine[code] ?? errorTable[code].cure
}
