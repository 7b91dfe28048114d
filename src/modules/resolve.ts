import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { fileURLToPath } from 'node:url'
import { resolve } from 'import-meta-resolve'

/** Is it this package, or a subpath of it? */
export function isSelf(specifier: string): boolean {
  return specifier === 'turnout' || specifier.startsWith('turnout/')
}

/**
 * Resolves what a module imports as Node resolves it for ES modules, from the author's file.
 * `turnout` is always the running package, so that a folder without `node_modules` can be served.
 *
 * @throws Node's own resolution errors (`ERR_MODULE_NOT_FOUND`, `ERR_PACKAGE_PATH_NOT_EXPORTED`, ...)
 */
export function resolveExternal(specifier: string, parentUrl: string): string {
  return resolve(specifier, isSelf(specifier) ? import.meta.url : parentUrl)
}

/** Version of the package that a specifier leads to; undefined for builtins and where there is none. */
export function externalVersion(specifier: string, parentUrl: string): string | undefined {
  if (isBuiltin(specifier)) return undefined
  let folder: URL
  try {
    folder = new URL('.', resolveExternal(specifier, parentUrl))
  } catch {
    return undefined
  }
  if (folder.protocol !== 'file:') return undefined
  // Packages hold further package.json files that only say `type`: go up to one with name and version.
  for (;;) {
    const manifest = readManifest(new URL('package.json', folder))
    if (manifest?.name !== undefined && manifest.version !== undefined) return manifest.version
    const parent = new URL('..', folder)
    if (parent.href === folder.href || parent.pathname.endsWith('/node_modules/')) return undefined
    folder = parent
  }
}

function readManifest(url: URL): { name?: string; version?: string } | undefined {
  try {
    return JSON.parse(readFileSync(fileURLToPath(url), 'utf8')) as {
      name?: string
      version?: string
    }
  } catch {
    return undefined
  }
}
