// Every line that any process of a test run writes to its log is held against the table of fields.
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const hook = fileURLToPath(new URL('log-lines.cjs', import.meta.url))

/** The environment in which processes copy their lines into a folder. */
export const copyingLines = (folder, environment = process.env) => ({
  ...environment,
  TURNOUT_TEST_LOGS: folder,
  NODE_OPTIONS:
    `${environment.NODE_OPTIONS ?? ''} --require "${hook.replaceAll('\\', '\\\\')}"`.trim(),
})

export const openLines = () => mkdtempSync(join(tmpdir(), 'turnout-lines-'))

/** How many lines there are, and what is wrong with which; the folder is gone then. */
export const closeLines = (folder, lineProblem) => {
  let count = 0
  const wrong = []
  for (const name of readdirSync(folder)) {
    const [test] = name.split('.')
    for (const line of readFileSync(join(folder, name), 'utf8').split('\n')) {
      if (line === '') continue
      count += 1
      const problem = lineProblem(line)
      if (problem !== null) wrong.push({ test, problem, line })
    }
  }
  rmSync(folder, { recursive: true, force: true })
  return { count, wrong }
}
