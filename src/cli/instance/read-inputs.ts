import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, relative, resolve } from 'node:path'
import { problem, type Problem } from '../../core/errors.ts'
import { thrownMessage } from '../../core/thrown.ts'
import { createBuilder, type Builder } from '../../modules/build.ts'
import { scanModules, type ModuleEntry } from '../../source/scan.ts'
import type { Terminal } from '../commands.ts'
import { mergeParts, partsOf, type Parts } from './parts.ts'
import { readDataFile, type PartsResult } from './read-data-file.ts'

const dataFile = /\.(json|ya?ml)$/i
const codeFile = /^(.+)\.([cm]?[jt]s|[jt]sx)$/
const largest = 32 * 1024 * 1024

/**
 * Reads all that a command names, `-` being standard input. Modules are built here, and none of their code runs here:
 * the instance rehearses them in a process of its own.
 */
export async function readInputs(
  named: readonly string[],
  terminal: Terminal,
): Promise<PartsResult> {
  const builder = createBuilder()
  const problems: Problem[] = []
  const parts: Parts[] = []
  let isUsage = false
  try {
    for (const one of named) {
      const result = await readInput(one, terminal, builder)
      if (result.ok) parts.push(result.parts)
      else {
        problems.push(...result.problems)
        isUsage ||= result.isUsage === true
      }
    }
  } finally {
    await builder.close()
  }
  if (problems.length > 0) return { ok: false, problems, isUsage }
  return { ok: true, parts: mergeParts(parts) }
}

async function readInput(
  named: string,
  { read, workingDirectory }: Terminal,
  builder: Builder,
): Promise<PartsResult> {
  const refuse = (reason: string, isUsage = false): PartsResult => ({
    ok: false,
    isUsage,
    problems: [problem('TURNOUT_INPUT_FILE', { file: named, reason })],
  })
  try {
    if (named === '-') return readDataFile('standard input', await read())
    const path = resolve(workingDirectory, named)
    const status = await stat(path)
    if (status.isDirectory()) {
      const { modules, problems } = await scanModules(path)
      if (problems.length > 0) return { ok: false, problems }
      if (modules.length === 0) return refuse('there is no route module in it')
      return await buildModules(modules, workingDirectory, builder)
    }
    if (dataFile.test(path)) {
      if (status.size > largest) return refuse(`it is larger than ${largest} bytes`)
      return readDataFile(named, await readFile(path, 'utf8'))
    }
    const [, name] = codeFile.exec(basename(path)) ?? []
    if (name === undefined)
      return refuse('its name ends neither in .json, .yaml or .yml, nor like code', true)
    const module = { name: name === 'index' ? basename(dirname(path)) : name, path }
    return await buildModules([module], workingDirectory, builder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? refuse('it is not there', true) : refuse(thrownMessage(error))
  }
}

async function buildModules(
  modules: readonly ModuleEntry[],
  workingDirectory: string,
  builder: Builder,
): Promise<PartsResult> {
  const built = await Promise.all(
    modules.map(async ({ name, path }) => {
      const file = relative(workingDirectory, path).replaceAll('\\', '/')
      return { name, file, outcome: await builder.build(path) }
    }),
  )
  const problems = built.flatMap(({ outcome }) => (outcome.ok ? [] : outcome.problems))
  if (problems.length > 0) return { ok: false, problems }
  const uploads = built.flatMap(({ name, file, outcome }) =>
    outcome.ok
      ? [{ value: { name, file, artifact: outcome.artifact }, origin: { file, source: null } }]
      : [],
  )
  return { ok: true, parts: partsOf({ modules: uploads }) }
}
