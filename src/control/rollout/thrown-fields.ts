import { TurnoutError } from '../../core/errors.ts'
import { thrownMessage } from '../../core/thrown.ts'

/** What went wrong behind nobody's request, for a line of the log. */
export const thrownFields = (error: unknown): { readonly code: string; readonly reason: string } =>
  error instanceof TurnoutError
    ? { code: error.code, reason: error.message }
    : { code: 'UNKNOWN', reason: thrownMessage(error) }
