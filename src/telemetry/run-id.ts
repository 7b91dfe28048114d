import { randomBytes } from 'node:crypto'

/** The trace id of what this process says outside of any exchange: one for each start. */
export const runTraceId: string = randomBytes(16).toString('hex')
