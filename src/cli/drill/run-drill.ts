import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { AdminClient } from '../../admin/client.ts'
import type { StatusAnswer } from '../../admin/answers.ts'
import { createPaint } from '../colour.ts'
import { problem, type Problem } from '../../core/errors.ts'
import { thrownMessage } from '../../core/thrown.ts'
import { exitCodes } from '../commands.ts'
import type { DrillOptions } from '../instance/commands.ts'
import { demand, report, withInstance } from '../instance/reach.ts'
import { printEvent } from '../print-json.ts'
import { checkSteps } from './check-steps.ts'
import type { Drill } from './drill.ts'
import { onSignals } from './on-signals.ts'
import { printEnd, printReport, printStart, printStep } from './print-drill.ts'
import { readDrill } from './read-drill.ts'
import type { DrillReport, StepReport, Verdict } from './report.ts'
import { runStep, skipped } from './run-step.ts'

/** `drill FILE`: faults in front of routes, one step after the other, until one does not hold. */
export async function drill(options: DrillOptions): Promise<number> {
  const { terminal, file } = options
  const read = await readDrill(file, terminal, Date.now())
  if (!read.ok) {
    for (const one of read.problems) report(options, one)
    return read.isUsage ? exitCodes.usage : exitCodes.failed
  }
  return withInstance(options, async (client, instance) => {
    const refuse = (problems: readonly Problem[], code: number): number => {
      for (const one of problems) report(options, read.placed(one))
      return code
    }
    const url = options.url ?? dataUrl((await demand(client.status())).body)
    if (url === null) {
      const reason = 'The instance does not say where it listens: name it with --url.'
      return refuse([problem('TURNOUT_USAGE', { reason })], exitCodes.usage)
    }
    const found = await checkSteps(client, read.drill.steps)
    if (found.length > 0) return refuse(found, exitCodes.failed)
    // A drill whose report is lost was for nothing.
    const unwritten = await writeReport(options, null)
    if (unwritten !== null) return refuse([unwritten], exitCodes.failed)
    const startedAt = new Date().toISOString()
    const steps = await runSteps(read.drill, client, url, options)
    const whole: DrillReport = {
      file,
      instance: instance.url,
      url,
      startedAt,
      endedAt: new Date().toISOString(),
      verdict: steps.find(({ verdict }) => verdict !== 'held')?.verdict ?? 'held',
      budget: read.drill.budget,
      steps,
    }
    if (options.json) terminal.out(printEvent({ event: 'drill', ...whole }))
    else terminal.out(printEnd(whole, terminal.paintOut))
    const lost = await writeReport(options, whole)
    if (lost !== null) report(options, lost)
    const isLeft = steps.some(({ isGone }) => !isGone)
    return isLeft || lost !== null ? exitCodes.failed : codes[whole.verdict]
  })
}

const codes: Readonly<Record<Verdict, number>> = {
  held: exitCodes.ok,
  spent: exitCodes.spent,
  interrupted: exitCodes.failed,
  refused: exitCodes.failed,
  skipped: exitCodes.failed,
}

async function runSteps(
  planned: Drill,
  client: AdminClient,
  url: string,
  options: DrillOptions,
): Promise<readonly StepReport[]> {
  const { terminal, json } = options
  const { signal, release } = onSignals()
  const reports: StepReport[] = []
  try {
    for (const step of planned.steps) {
      if (reports.some(({ verdict }) => verdict !== 'held')) {
        reports.push(skipped(step))
        continue
      }
      const result = await runStep(step, {
        client,
        drill: planned,
        url,
        signal,
        onStart: (_, injected) => {
          const { name, routes } = step
          const { revision } = injected
          if (json) terminal.out(printEvent({ event: 'drill-step', name, routes, revision }))
          else terminal.out(printStart(step, injected, terminal.paintOut))
        },
      })
      reports.push(result.report)
      if (json) terminal.out(printEvent({ event: 'drill-step-ended', ...result.report }))
      else terminal.out(printStep(result.report, terminal.paintOut))
      for (const one of result.problems) report(options, one)
    }
  } finally {
    release()
  }
  return reports
}

/** Where the instance listens, as it is reached from here. */
function dataUrl(status: StatusAnswer): string | null {
  const [first] = Array.isArray(status['listeners']) ? (status['listeners'] as unknown[]) : []
  return typeof first === 'string' && /^https?:/.test(first) && URL.canParse(first)
    ? new URL(first).origin
    : null
}

const plain = createPaint(false)

/** Null: written, or none was asked for. Without a report it only tries the file. */
async function writeReport(
  { reportFile, terminal }: DrillOptions,
  whole: DrillReport | null,
): Promise<Problem | null> {
  if (reportFile === undefined) return null
  const isJson = /\.json$/i.test(reportFile)
  const text =
    whole === null ? '' : isJson ? `${JSON.stringify(whole, null, 2)}\n` : printReport(whole, plain)
  try {
    const path = resolve(terminal.workingDirectory, reportFile)
    await writeFile(path, text, whole === null ? { flag: 'a' } : {})
    return null
  } catch (error) {
    const reason = thrownMessage(error)
    return problem('TURNOUT_DRILL_REPORT', { file: reportFile, reason })
  }
}
