import { setTimeout as sleep } from 'node:timers/promises'
import type { AdminClient } from '../../admin/client.ts'
import { problem, TurnoutError, type Problem } from '../../core/errors.ts'
import { problemsOf, RefusedError } from '../instance/reach.ts'
import type { Drill, Step } from './drill.ts'
import { inject, takeBack, type Injected, type TakenBack } from './inject.ts'
import type { StepReport, Verdict } from './report.ts'
import { sendProbes } from './send-probes.ts'
import { createTally, isSpent, type Counts, type Tally } from './tally.ts'

/** What a step is run with. */
export interface StepContext {
  readonly client: AdminClient
  readonly drill: Drill
  /** Origin of the data port. */
  readonly url: string
  /** Aborts when the drill is told to end. */
  readonly signal: AbortSignal
  /** Called when the fault stands in front of the routes. */
  readonly onStart: (step: Step, injected: Injected) => void
}

/** A report, and what people must be told beside it. */
export interface StepResult {
  readonly report: StepReport
  readonly problems: readonly Problem[]
}

/** One step: waits for its time, puts the fault there, sends probes, and takes the fault back, whatever happens. */
export async function runStep(step: Step, context: StepContext): Promise<StepResult> {
  const { client, signal } = context
  await waitFor(step, signal)
  if (signal.aborted) return { report: skipped(step), problems: [] }
  const startedAt = new Date().toISOString()
  const problems: Problem[] = []
  const tally = createTally()
  let injected: Injected | null = null
  let verdict: Verdict = 'refused'
  let isRefused = false
  try {
    injected = await inject(client, step)
    context.onStart(step, injected)
  } catch (error) {
    // Refused, it is not there; without an answer it may be.
    isRefused = error instanceof RefusedError
    problems.push(...problemsOfThrown(error))
  }
  let probing: Probing | null = null
  if (injected !== null) {
    probing = startProbing(tally, context)
    verdict = await probing.until(step.forMs)
  }
  const gone = isRefused ? nothing : await takeBackOr(client, step, injected, problems)
  await probing?.end(verdict === 'held')
  const counts = probing === null ? null : tally.counts()
  // The last answers may come after the end.
  if (verdict === 'held' && isSpent(counts!, context.drill.budget)) verdict = 'spent'
  if (verdict === 'spent') problems.unshift(spent(step, counts!))
  const report: StepReport = {
    ...skipped(step),
    verdict,
    startedAt,
    endedAt: new Date().toISOString(),
    injected: injected?.revision ?? null,
    takenBack: gone?.revision ?? null,
    isGone: gone !== null,
    changed: gone?.changed ?? [],
    counts,
  }
  return { report, problems }
}

/** The report of a step that has not begun. */
export function skipped({ name, routes, fault, forMs }: Step): StepReport {
  const { kind: _, ...does } = fault
  return {
    name,
    routes,
    fault: does,
    forMs,
    verdict: 'skipped',
    startedAt: null,
    endedAt: null,
    injected: null,
    takenBack: null,
    isGone: true,
    changed: [],
    counts: null,
  }
}

const nothing: TakenBack = { revision: null, changed: [] }

/** Node's timers end at once above this. */
const longestMs = 2_147_483_647

async function waitFor({ start }: Step, signal: AbortSignal): Promise<void> {
  const at = 'at' in start ? start.at : Date.now() + start.afterMs
  for (let leftMs = at - Date.now(); leftMs > 0 && !signal.aborted; leftMs = at - Date.now())
    await sleep(Math.min(leftMs, longestMs), undefined, { signal }).catch(() => undefined)
}

interface Probing {
  /** Resolves after so long, or when the budget is spent or the drill is told to end; nothing is sent from then on. */
  readonly until: (forMs: number) => Promise<Verdict>
  /** `isWhole`: waits for the answers that are due; else they are not counted. */
  readonly end: (isWhole: boolean) => Promise<void>
}

function startProbing(tally: Tally, { drill, url, signal }: StepContext): Probing {
  const spending = new AbortController()
  const sending = sendProbes(drill.probe, {
    url,
    onOutcome: (outcome) => {
      tally.add(outcome)
      if (isSpent(tally.share(), drill.budget)) spending.abort()
    },
    onHeldBack: tally.holdBack,
  })
  return {
    until: async (forMs) => {
      const either = AbortSignal.any([signal, spending.signal])
      await sleep(forMs, undefined, { signal: either }).catch(() => undefined)
      sending.stop()
      return spending.signal.aborted ? 'spent' : signal.aborted ? 'interrupted' : 'held'
    },
    end: async (isWhole) => {
      if (!isWhole || signal.aborted) return sending.cut()
      const cut = (): void => sending.cut()
      signal.addEventListener('abort', cut, { once: true })
      await sending.settled()
      signal.removeEventListener('abort', cut)
    },
  }
}

async function takeBackOr(
  client: AdminClient,
  step: Step,
  injected: Injected | null,
  problems: Problem[],
): Promise<TakenBack | null> {
  try {
    return await takeBack(client, step, injected)
  } catch (error) {
    const [first] = problemsOfThrown(error)
    problems.push(problem('TURNOUT_DRILL_LEFT', { step: step.name, reason: first!.message }))
    return null
  }
}

/** What is refused or not reached is told; anything else is a defect. */
function problemsOfThrown(error: unknown): readonly Problem[] {
  if (error instanceof RefusedError) return problemsOf(error.refused, null)
  if (!(error instanceof TurnoutError)) throw error
  return [{ code: error.code, message: error.message }]
}

const spent = ({ name }: Step, { failed, sent }: Counts): Problem =>
  problem('TURNOUT_DRILL_SPENT', { step: name, failed, sent })
