import { performance } from 'node:perf_hooks'
/** How exact deadlines are. */
const tickMs = 50
/** A tick that is so late follows a stall of the process. */
const stallMs = 250

/** Something with deadlines. */
export interface Swept {
  /** Looks after what is due. False: nothing is left to look after. */
  sweep(now: number): boolean
}

const all = new Set<Swept>()
let timer: NodeJS.Timeout | null = null
let lastAt = 0
let isExcused = false

/**
 * After a stall the timers run before the sockets do, and what came meanwhile has not been read: an endpoint is not to
 * blame, so one tick is left out.
 */
function tick(): void {
  const now = performance.now()
  const isLate = now - lastAt > stallMs
  lastAt = now
  if (isLate && !isExcused) {
    isExcused = true
    return
  }
  isExcused = false
  for (const one of all) if (!one.sweep(now)) all.delete(one)
  if (all.size === 0 && timer !== null) {
    clearInterval(timer)
    timer = null
  }
}

/**
 * Has it swept until it says that nothing is left. One timer for all pools of the process: a timer for each exchange
 * costs more than the deadlines are worth.
 */
export function startSweep(one: Swept): void {
  all.add(one)
  if (timer !== null) return
  lastAt = performance.now()
  timer = setInterval(tick, tickMs)
  timer.unref()
}
