/** A call site as V8 gives it; only what is asked of it here. */
interface Site {
  getFileName(): string | null | undefined
  getLineNumber(): number | null
  getColumnNumber(): number | null
}

interface Stacks {
  stackTraceLimit: number
  prepareStackTrace?: ((error: Error, sites: readonly Site[]) => unknown) | undefined
}

const firstOfModule = (_: Error, sites: readonly Site[]): string | null => {
  for (const site of sites) {
    const file = site.getFileName()
    if (file?.startsWith('turnout:///') === true)
      return `${file}:${site.getLineNumber()}:${site.getColumnNumber()}`
  }
  return null
}

/**
 * The topmost frame of a module's code among the first `depth` of the stack: `turnout:///...?DIGEST:LINE:COLUMN`. Null:
 * there is none. It costs microseconds, and prints nothing: what is not asked for is never formatted.
 */
export function moduleFrame(depth: number): string | null {
  const stacks = Error as unknown as Stacks
  const { stackTraceLimit, prepareStackTrace } = stacks
  stacks.stackTraceLimit = depth
  stacks.prepareStackTrace = firstOfModule
  try {
    const { stack } = new Error('only its stack is read') as { readonly stack?: unknown }
    return typeof stack === 'string' && stack.startsWith('turnout:///') ? stack : null
  } finally {
    stacks.stackTraceLimit = stackTraceLimit
    if (prepareStackTrace === undefined) delete stacks.prepareStackTrace
    else stacks.prepareStackTrace = prepareStackTrace
  }
}

/** The script of a frame. */
export const scriptOfFrame = (frame: string): string => frame.replace(/:\d+:\d+$/, '')
