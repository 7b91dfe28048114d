import { setTimeout as sleep } from 'node:timers/promises'
import { STATUS_CODES } from 'node:http'
import { Reply } from '../reply.ts'
import type { FilterMaker } from './filter.ts'

/** Delays and ends exchanges on purpose. */
export const fault: FilterMaker<'fault'> = (settings, { upstreams }) => {
  const { delayMs, delayPercent, abortStatus, abortPercent } = settings
  const { random } = upstreams.environment
  const falls = (percent: number): boolean => percent > 0 && random() * 100 < percent
  return (next) => (exchange) => {
    const isAborted = abortStatus > 0 && falls(abortPercent)
    const go = (): ReturnType<typeof next> => {
      if (!isAborted) return next(exchange)
      const body = JSON.stringify({
        title: STATUS_CODES[abortStatus] ?? 'Error',
        status: abortStatus,
        code: 'TURNOUT_FAULT_INJECTED',
        detail: 'A fault was injected on purpose',
      })
      return new Reply(abortStatus, ['content-type', 'application/problem+json'], body)
    }
    if (delayMs === 0 || !falls(delayPercent)) return go()
    return sleep(delayMs).then(go)
  }
}
