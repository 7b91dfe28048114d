/**
 * For long loops: `await breathe()` lets the event loop turn once `sliceMs` have passed since it last did, and costs
 * a clock reading otherwise.
 */
export function createBreathing(sliceMs = 2): () => Promise<void> | undefined {
  let since = performance.now()
  return () => {
    if (performance.now() - since < sliceMs) return undefined
    return new Promise((resolve) => {
      setImmediate(() => {
        since = performance.now()
        resolve()
      })
    })
  }
}
