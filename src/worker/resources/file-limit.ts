import { readFileSync } from 'node:fs'

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
