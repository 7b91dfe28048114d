import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** What `bench/reload` prints with `--json`. */
export interface ReloadResult {
  readonly heapKbPerReload: number
  readonly rssKbPerReload: number
  readonly alive: number
  readonly maps: number
}

/** Runs the reload bench in a process of its own. */
export async function runReloads(...flags: readonly string[]): Promise<ReloadResult> {
  const main = fileURLToPath(new URL('../../../bench/reload/main.js', import.meta.url))
  const args = [main, '--json', ...flags]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return JSON.parse(stdout) as ReloadResult
}
