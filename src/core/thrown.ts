/** What was thrown as an error, or null. A proxy may throw when it is asked what it is. */
export function thrownError(thrown: unknown): Error | null {
  try {
    return thrown instanceof Error ? thrown : null
  } catch {
    return null
  }
}

/** What was thrown in one line. Never throws, whatever getters and proxies of the thrown value do. */
export function thrownMessage(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown)
  } catch {
    return 'a value that cannot be printed'
  }
}
