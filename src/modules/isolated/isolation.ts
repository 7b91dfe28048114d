/** Where the code of a module runs, as its author or a config says it. */
export interface Isolation {
  readonly isolation?: 'inline' | 'isolated' | undefined
  /** Most memory of its process, in MB. Not there: no cap. */
  readonly memoryMb?: number | undefined
}

/** What a module that says nothing is. */
export const inline: Isolation = {}

/** Node and Turnout need 80 MB of it, and 110 under load. */
export const leastMemoryMb = 128
export const mostMemoryMb = 1_048_576

/** What of it cannot be so; null: nothing. */
export function isolationProblem({
  isolation,
  memoryMb,
}: {
  readonly isolation?: unknown
  readonly memoryMb?: unknown
}): { readonly name: string; readonly expected: string } | null {
  if (isolation !== undefined && isolation !== 'inline' && isolation !== 'isolated')
    return { name: 'isolation', expected: "'inline' or 'isolated'" }
  const isSize =
    Number.isSafeInteger(memoryMb) &&
    Number(memoryMb) >= leastMemoryMb &&
    Number(memoryMb) <= mostMemoryMb
  if (memoryMb !== undefined && !isSize)
    return { name: 'memoryMb', expected: `a whole number of ${leastMemoryMb} or more` }
  return null
}

/** Where a module runs: as the config says for its name, and where it says nothing, as its author does. */
export function isolationOf(
  author: Isolation,
  config: Isolation = {},
): { readonly isIsolated: boolean; readonly memoryMb: number | null } {
  return {
    isIsolated: (config.isolation ?? author.isolation) === 'isolated',
    memoryMb: config.memoryMb ?? author.memoryMb ?? null,
  }
}
