/** Which exchanges are a line of the log. */
export interface AccessLogSettings {
  /** Share of them, 0 to 1, by their trace ids. Those that failed, were cut or were slow are always there. Default 1. */
  readonly sample?: number | undefined
  /** From how many milliseconds on one is slow. Default 1,000. */
  readonly slowMs?: number | undefined
  /** Whether the client's address is said. Default: false. */
  readonly client?: boolean | undefined
}

/** Whether a value may be the option. */
export function isAccessLog(value: unknown): boolean {
  if (typeof value === 'boolean') return true
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).every(([name, one]: [string, unknown]) => {
    if (one === undefined) return true
    if (name === 'client') return typeof one === 'boolean'
    if (name === 'sample') return typeof one === 'number' && one >= 0 && one <= 1
    return name === 'slowMs' && Number.isSafeInteger(one) && Number(one) >= 0
  })
}
