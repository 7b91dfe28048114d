/** Who holds small writes back until the turn of the event loop ends. */
export interface Held {
  /** Writes what it holds; nothing where that has left already. Never throws: others come after it. */
  flush(): void
}

/** So many hold back at most: nobody waits for longer than the turn of so few others takes. */
const most = 16

let held: Held[] = []
let isArmed = false

/**
 * Calls `flush` once the events that the system has told of are all read, or after some more that hold back. Where many
 * connections are busy, writes that leave one behind the other cost a twentieth less of the processor for each request that
 * is forwarded: the system's code stays near, and the other side is woken once.
 */
export function atTurnEnd(one: Held): void {
  held.push(one)
  if (held.length >= most) flushHeld()
  else if (!isArmed) {
    isArmed = true
    setImmediate(flushHeld)
  }
}

/** Flushes now. After a turn that containment has broken off nobody else may. */
export function flushHeld(): void {
  isArmed = false
  const all = held
  held = []
  for (const one of all) one.flush()
}
