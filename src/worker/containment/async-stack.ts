interface AsyncWrap {
  readonly clearAsyncIdStack?: () => void
}

type Binding = (name: string) => AsyncWrap

/**
 * Makes Node's book of nested callbacks empty, as Node itself does after an error that nobody caught. It has to be done for
 * code that is broken off in a timer or a tick, for Node ends the process when the book and the end of a callback do not
 * agree. Null: this Node does not give its book away.
 */
export function asyncStackClearing(): (() => void) | null {
  const before = process.noDeprecation
  try {
    const binding = (process as unknown as { binding?: Binding }).binding
    process.noDeprecation = true
    const { clearAsyncIdStack } = binding?.('async_wrap') ?? {}
    return clearAsyncIdStack ?? null
  } catch {
    return null
  } finally {
    if (before === undefined) delete (process as { noDeprecation?: boolean }).noDeprecation
    else process.noDeprecation = before
  }
}
