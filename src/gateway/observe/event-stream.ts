import type { Fields } from '../../core/http/field-lines.ts'
import { fieldValue } from '../../core/http/fields.ts'

/** Whether an answer has no end of its own. */
export const isEventStream = (fields: Fields | readonly string[]): boolean =>
  typeof fields === 'string'
    ? /^content-type: text\/event-stream/im.test(fields)
    : fieldValue(fields, 'content-type')?.startsWith('text/event-stream') === true
