// The child process of a rehearsal: argv is the inspector's URL and export, and the deadline in ms.
import { setImmediate as turnOfLoop } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { TurnoutError, problem, type Problem } from '../core/errors.ts'
import { evaluate, type ModuleExports } from './evaluate.ts'
import { takeFingerprint } from './fingerprint.ts'
import type { RehearsalReply, RehearsalRequest } from './rehearsal-messages.ts'
import type { RehearseOutcome } from './rehearsal.ts'
import { authorProblem } from './report.ts'
import { errorPlace, installStackMapping, mapStack } from './source-map.ts'

type Inspect = (exports: ModuleExports, context: unknown) => unknown

const [, , inspectorUrl = '', inspectorExport = '', timeoutMs = '5000'] = process.argv
// Module code may replace or remove it.
const send = process.send?.bind(process)
const exit = process.exit.bind(process)

const reply = (message: RehearsalReply): void => void send?.(message)

// Opened now, so that a module's console.log is not mistaken for something left behind.
void [process.stdout, process.stderr]
installStackMapping()
process.on('disconnect', () => exit(0))

const inspect = ((await import(inspectorUrl)) as Record<string, Inspect>)[inspectorExport]
const watch = startWatchdog(Number(timeoutMs) * 2 + 2000)

process.on('message', onMessage)
let isUntouched = (): boolean => false
// Node's own start-up work, this file's top-level await included, is over a turn later.
setImmediate(() => {
  isUntouched = takeFingerprint()
  reply({ kind: 'ready' })
})

function onMessage(message: unknown): void {
  const request = message as RehearsalRequest
  if (request.kind === 'ping') reply({ kind: 'pong' })
  else void rehearse(request)
}

async function rehearse(
  request: Extract<RehearsalRequest, { readonly kind: 'rehearse' }>,
): Promise<void> {
  watch(true)
  const outcome = await runOnce(request)
  // What was closed by the module goes away in the next turn.
  await turnOfLoop()
  watch(false)
  const isClean = outcome.ok && isUntouched()
  try {
    reply({ kind: 'done', id: request.id, outcome, isClean })
  } catch (error) {
    // What cannot be sent is the inspector's mistake, and is told as one.
    const failed = inspectProblem(error, request.file)
    const refused = { ok: false, problem: failed } as const
    reply({ kind: 'done', id: request.id, outcome: refused, isClean: false })
  }
}

async function runOnce({
  id,
  artifact,
  file,
  context,
}: Extract<RehearsalRequest, { readonly kind: 'rehearse' }>): Promise<RehearseOutcome> {
  // The parent keeps the deadline: this process may be unable to.
  const outcome = await evaluate(artifact, { file, timeoutMs: 0 })
  if (!outcome.ok) return outcome
  reply({ kind: 'imported', id })
  try {
    if (inspect === undefined) throw new TypeError(`no inspector "${inspectorExport}"`)
    return { ok: true, result: await inspect(outcome.exports, context) }
  } catch (error) {
    return { ok: false, problem: inspectProblem(error, file) }
  }
}

function inspectProblem(error: unknown, file: string): Problem {
  // What we refuse has a code of its own; a stack would only show our files.
  if (error instanceof TurnoutError) return authorProblem(error, { module: file, file })
  const place = errorPlace(error)
  const stack = mapStack(error)
  const [reason = ''] = stack.split('\n')
  return problem(
    'TURNOUT_MODULE_LOAD_FAILED',
    { file, reason },
    { stack, ...(place === undefined ? {} : { place }) },
  )
}

/**
 * A thread that kills this process when a rehearsal outlives its deadline by far: the parent does it
 * sooner, unless it is gone, and then nobody else would end a loop.
 */
function startWatchdog(limitMs: number): (isRunning: boolean) => void {
  const flag = new Int32Array(new SharedArrayBuffer(4))
  const code = `const { workerData: { flag, limitMs } } = require('node:worker_threads')
for (;;) {
  Atomics.wait(flag, 0, 0)
  if (Atomics.wait(flag, 0, 1, limitMs) === 'timed-out') process.kill(process.pid, 'SIGKILL')
}`
  const thread = new Worker(code, { eval: true, workerData: { flag, limitMs }, stdout: false })
  thread.unref()
  return (isRunning) => {
    Atomics.store(flag, 0, isRunning ? 1 : 0)
    Atomics.notify(flag, 0)
  }
}
