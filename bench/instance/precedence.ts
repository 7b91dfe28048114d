import { execFileSync } from 'node:child_process'

/**
 * Lets a process run only where nobody else wants its cores, and give way at once; what it starts later is like it. A
 * niceness does not do that: who has a core keeps it until a slice of some milliseconds is over, and a load that waits
 * for its core would tell that as the time of an answer. False where the system does not know it (sched(7), SCHED_IDLE).
 */
export function putLast(pid: number): boolean {
  try {
    execFileSync('chrt', ['--all-tasks', '--idle', '--pid', '0', String(pid)], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
