import type { Duplex } from 'node:stream'

/** How long what was sent before an end may take to reach a slow side. */
const lastMs = 10_000

/**
 * Joins two connections both ways, at the pace of the slower one; what came early from each goes first. Resolves when
 * both are closed: an end is handed on, an error or a cut closes the other side at once.
 */
export function join(
  left: Duplex,
  fromLeft: Uint8Array,
  right: Duplex,
  fromRight: Uint8Array,
): Promise<void> {
  return new Promise((resolve) => {
    let open = 2
    const closed = (one: Duplex, other: Duplex) => (): void => {
      open -= 1
      if (open === 0) return resolve()
      if (one.readableEnded && one.errored === null) endSoon(other)
      else other.destroy()
    }
    for (const [one, other] of [
      [left, right],
      [right, left],
    ] as const) {
      // The reason of a cut is nobody's business but the other side's, which sees the cut.
      one.on('error', () => undefined)
      if (one.destroyed) queueMicrotask(closed(one, other))
      else one.once('close', closed(one, other))
    }
    if (fromLeft.length > 0) right.write(fromLeft)
    if (fromRight.length > 0) left.write(fromRight)
    left.pipe(right)
    right.pipe(left)
  })
}

/** Closes a side once it has what was sent to it before the other one ended. */
function endSoon(side: Duplex): void {
  if (side.destroyed) return
  const deadline = setTimeout(() => side.destroy(), lastMs)
  side.once('close', () => clearTimeout(deadline))
  if (side.writableFinished) side.destroy()
  else side.once('finish', () => side.destroy()).end()
}
