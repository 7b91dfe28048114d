import { codeReply } from '../problem-reply.ts'
import type { FilterMaker } from './filter.ts'
import { leftReply, wait } from './wait.ts'

/** Delays and ends exchanges on purpose. */
export const fault: FilterMaker<'fault'> = (settings, { upstreams }) => {
  const { delayMs, delayPercent, abortStatus, abortPercent } = settings
  const { random } = upstreams.environment
  const falls = (percent: number): boolean => percent > 0 && random() * 100 < percent
  return (next) => (exchange) => {
    const isAborted = abortStatus > 0 && falls(abortPercent)
    const go = (): ReturnType<typeof next> =>
      isAborted ? codeReply('TURNOUT_FAULT_INJECTED', {}, [], abortStatus) : next(exchange)
    if (delayMs === 0 || !falls(delayPercent)) return go()
    return wait(exchange, delayMs).then((isThere) => (isThere ? go() : leftReply(exchange)))
  }
}
