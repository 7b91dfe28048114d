import type { Duplex } from 'node:stream'

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
    const closed = (other: Duplex) => (): void => {
      open -= 1
      other.destroy()
      if (open === 0) resolve()
    }
    for (const [one, other] of [
      [left, right],
      [right, left],
    ] as const) {
      // The reason of a cut is nobody's business but the other side's, which sees the cut.
      one.on('error', () => undefined)
      if (one.destroyed) queueMicrotask(closed(other))
      else one.once('close', closed(other))
    }
    if (fromLeft.length > 0) right.write(fromLeft)
    if (fromRight.length > 0) left.write(fromRight)
    left.pipe(right)
    right.pipe(left)
  })
}
