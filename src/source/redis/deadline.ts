/** The promise, or what `onLate` gives as its rejection. What the promise comes to later is dropped. */
export async function withDeadline<Value>(
  promise: Promise<Value>,
  ms: number,
  onLate: () => Error,
): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(onLate()), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
