/** How exchanges are followed through their traces. */
export interface TracingSettings {
  /** Share of the traces that begin here which is recorded, 0 to 1; others go by what their client says. Default 1. */
  readonly sample?: number | undefined
  /** Whether spans are given to OpenTelemetry; false: the headers alone go on. Default: true. */
  readonly export?: boolean | undefined
  /** A module that each process imports before it serves: it sets up the SDK. Absolute, or relative to the config. */
  readonly setup?: string | undefined
}

/** Whether a value may be the option. */
export function isTracing(value: unknown): boolean {
  if (typeof value === 'boolean') return true
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).every(([name, one]: [string, unknown]) => {
    if (one === undefined) return true
    if (name === 'sample') return typeof one === 'number' && one >= 0 && one <= 1
    if (name === 'export') return typeof one === 'boolean'
    return name === 'setup' && typeof one === 'string' && one !== ''
  })
}
