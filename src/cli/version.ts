import { existsSync, readFileSync } from 'node:fs'

/** The package's own version. */
export function readVersion(): string {
  // Compiled files lie one folder deeper than their sources.
  for (const up of ['../../package.json', '../../../package.json']) {
    const file = new URL(up, import.meta.url)
    if (existsSync(file))
      return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version
  }
  return 'unknown'
}
