import { resolve } from 'node:path'
import type { Block } from './core/address.ts'
import type { IsolatedSetup } from './modules/isolated/isolated-version.ts'
import type { TurnoutOptions } from './turnout-settings.ts'

// The file's own extension: sources run directly on newer Nodes, the package is compiled.
const entry = new URL(
  `./isolated-main${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`,
  import.meta.url,
)

/** What processes of isolated modules are given. */
export function isolatedSetup(
  { configFile, loadTimeoutMs = 5_000 }: Pick<TurnoutOptions, 'configFile' | 'loadTimeoutMs'>,
  services: Readonly<Record<string, unknown>>,
  bodyLimit: number,
  trusted: readonly Block[],
): IsolatedSetup {
  return {
    entry,
    bodyLimit,
    trusted,
    loadTimeoutMs,
    configFile: configFile === undefined ? null : resolve(configFile),
    services,
  }
}
