import { fieldValue } from '../../core/http/fields.ts'

/** Whether an answer has no end of its own. */
export const isEventStream = (headers: readonly string[]): boolean =>
  fieldValue(headers, 'content-type')?.startsWith('text/event-stream') === true
