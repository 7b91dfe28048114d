import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { LoadPlan, LoadReport } from './report.ts'

/** A load that runs in a process of its own: it shares no event loop with what it measures. */
export interface Load {
  /** Lets every request that is under way end, and gives the report. */
  readonly stop: () => Promise<LoadReport>
  /** The report, when the plan's time is over. */
  readonly report: Promise<LoadReport>
}

/** Starts a load on a port of this machine. `cpu` pins it where `taskset` is there. */
export function startLoad(plan: LoadPlan, options: { readonly cpu?: number } = {}): Load {
  const script = fileURLToPath(new URL('./generator.js', import.meta.url))
  const command = [process.execPath, script, JSON.stringify(plan)]
  const pinned =
    options.cpu === undefined ? command : ['taskset', '-c', String(options.cpu), ...command]
  const child = spawn(pinned[0]!, pinned.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stdin.on('error', () => undefined)
  const report = new Promise<LoadReport>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) resolve(JSON.parse(output) as LoadReport)
      else reject(new Error(`the load ended with ${signal ?? code}`))
    })
  })
  // Whoever never asks for the report must not be ended by its rejection.
  report.catch(() => undefined)
  return {
    report,
    stop: () => {
      child.stdin.end('stop\n')
      return report
    },
  }
}
