import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createTurnout, type Turnout } from '../../src/turnout.ts'

const below = fileURLToPath(new URL('../../', import.meta.url))

/** A served folder inside the package, so that its modules find the frameworks. */
export async function serveFolder(
  t: TestContext,
  files: Readonly<Record<string, string>>,
): Promise<{ turnout: Turnout; url: string; save: (name: string, text: string) => Promise<void> }> {
  mkdirSync(join(below, 'apps'), { recursive: true })
  const folder = mkdtempSync(join(below, 'apps/run-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const turnout = createTurnout({ logger: false })
  const refused: string[] = []
  turnout.on('rejected', ({ rejections }) =>
    refused.push(...rejections.flatMap(({ problems }) => problems.map(({ message }) => message))),
  )
  t.after(async () => {
    await turnout.close(1_000)
    rmSync(folder, { recursive: true })
  })
  await turnout.files(folder, { settleMs: 20 })
  if (refused.length > 0) throw new Error(refused.join('\n'))
  const { url } = await turnout.listen({ port: 0 })
  const save = async (name: string, text: string): Promise<void> => {
    const applied = new Promise<void>((resolve, reject) => {
      const off = turnout.on('applied', () => (off(), resolve()))
      turnout.on('rejected', () => reject(new Error(refused.join('\n'))))
    })
    writeFileSync(join(folder, `.${name}`), text)
    renameSync(join(folder, `.${name}`), join(folder, name))
    await applied
  }
  return { turnout, url, save }
}

export async function get(url: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(url, init)
  return `${response.status} ${await response.text()}`
}
