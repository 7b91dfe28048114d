/** Who holds small writes back until the turn of the event loop ends. */
export interface Held {
  /** Writes what it holds; nothing where that has left already. Never throws: others come after it. */
  flush(): void
}

/** So many hold back at most. */
const most = 16

const held: Held[] = []
/** Those before it are flushed. */
let next = 0
let isArmed = false

/**
 * Calls `flush` once the events that the system has told of are all read, or when enough others hold back. Where many
 * connections are busy, writes that leave one behind the other cost a twentieth less of the processor for each request that
 * is forwarded: the system's code stays near, and the other side is woken once.
 */
export function atTurnEnd(one: Held): void {
  held.push(one)
  if (held.length - next >= most) flushHeld()
  else if (!isArmed) {
    isArmed = true
    setImmediate(flushHeld)
  }
}

/** Flushes now. Where containment has broken off a turn, or this, nobody else may, and it goes on behind the one it was at. */
export function flushHeld(): void {
  isArmed = false
  while (next < held.length) {
    next += 1
    held[next - 1]!.flush()
  }
  held.length = 0
  next = 0
}
