import type { WorkerEvent } from '../turnout-serving.ts'
import { plainLine } from '../core/plain-text.ts'
import type { Paint } from './colour.ts'

/** One line for what became of a worker process. */
export function printWorker({ kind, worker, pid, reason }: WorkerEvent, paint: Paint): string {
  const why = reason === null ? '' : `: ${plainLine(reason)}`
  const line = `worker ${worker} (process ${pid}) ${kind}${why}`
  return kind === 'ended'
    ? `${paint('red', '!')} ${line}; another one takes its place\n`
    : `· ${line}\n`
}
