import { exitCodes } from '../commands.ts'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** A signal that aborts when the process is told to end: what is under way is taken back first. `release` ends it. */
export function onSignals(): { readonly signal: AbortSignal; readonly release: () => void } {
  const aborting = new AbortController()
  const stop = (): void => {
    // The second one means now; the instance takes back by itself what is left.
    if (aborting.signal.aborted) process.exit(exitCodes.failed)
    aborting.abort()
  }
  for (const name of signals) process.on(name, stop)
  const release = (): void => {
    for (const name of signals) process.off(name, stop)
  }
  return { signal: aborting.signal, release }
}
