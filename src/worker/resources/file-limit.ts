import { readFileSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'

interface Report {
  readonly userLimits?: { readonly open_files?: { readonly soft: number | string } }
}

/** How many files this process may have open; Infinity where it cannot be told. */
export function mostOpenFiles(): number {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
    if (line !== null) return Number(line[1])
  } catch {
    // Not Linux.
  }
  const { userLimits } = process.report.getReport() as Report
  const most = Number(userLimits?.open_files?.soft)
  return most > 0 ? most : Number.POSITIVE_INFINITY
}

const folder = '/proc/self/fd'

/** Null where it cannot be told. Newer kernels say it at once; others list them. */
export async function countOpenFiles(): Promise<number | null> {
  try {
    const { size } = await stat(folder)
    if (size > 0) return size
    return (await readdir(folder)).length
  } catch (error) {
    // No file can be opened to look: that is as many as there may be.
    if ((error as NodeJS.ErrnoException).code === 'EMFILE') return mostOpenFiles()
    return null
  }
}
