// What the processes of `turnout serve` hold: `main.js [--workers 1,2] [--routes 10,10k] [--requests N]`. For each table:
// at rest, after requests, and at most while a module is saved, which starts the compiler and a process that rehearses.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { fillDataFolder } from '../instance/fill.ts'
import { machine, sizeOf } from '../instance/figures.ts'
import { commandOf, family, memoryOf } from '../instance/process-stat.ts'
import { pathAt } from '../instance/routes.ts'
import { startServe } from '../instance/serve.ts'
import { Wire } from '../instance/wire.ts'

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '1,2' },
    routes: { type: 'string', default: '10,10k' },
    requests: { type: 'string', default: '20000' },
  },
})
const requests = Number(values.requests)
const connections = 16
const root = mkdtempSync(join(process.cwd(), '.turnout-bench-'))
process.on('exit', () => rmSync(root, { recursive: true, force: true }))

const mib = (kilobytes: number): string => (kilobytes / 1024).toFixed(0).padStart(4)

interface Held {
  readonly role: string
  readonly rss: number
  readonly pss: number
}

const lookAt = (pid: number): readonly Held[] =>
  family(pid).map((one) => {
    const command = commandOf(one)
    const found = /turnout worker|rehearsal|esbuild/.exec(command)?.[0] ?? 'other'
    const role = one === pid ? 'supervisor' : found.replace('turnout ', '')
    return { role, ...memoryOf(one) }
  })

const sumOf = (held: readonly Held[]): number => held.reduce((sum, { pss }) => sum + pss, 0)

const tell = (when: string, held: readonly Held[]): void => {
  const each = held.map(({ role, rss, pss }) => `${role} ${mib(rss)} rss ${mib(pss)} pss`)
  console.log(`  ${when.padEnd(10)} sum ${mib(sumOf(held))} MiB pss   ${each.join(', ')}`)
}

const moduleText = (version: number): string => `export default {
  version: '${version}.0.0',
  register(routes) {
    routes.get('/version', (c) => c.text('${version}'))
  },
}
`

async function ask(port: number, path: string, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const wire = new Wire(port)
      for (let at = 0; at < count / connections; at += 1) {
        const { status } = await wire.ask({ method: 'GET', path })
        if (status !== 200) throw new Error(`status ${status}`)
      }
      wire.close()
    }),
  )
}

async function most(pid: number, work: Promise<unknown>): Promise<readonly Held[]> {
  let found = lookAt(pid)
  const state = { isOver: false }
  const over = work.finally(() => (state.isOver = true))
  while (!state.isOver) {
    const now = lookAt(pid)
    if (sumOf(now) > sumOf(found)) found = now
    await wait(10)
  }
  await over
  return found
}

async function saved(port: number, file: string, version: number): Promise<void> {
  writeFileSync(file, moduleText(version))
  const wire = new Wire(port)
  for (;;) {
    const { body } = await wire.ask({ method: 'GET', path: '/version' })
    if (body === String(version)) break
    await wait(50)
  }
  wire.close()
}

console.log(machine())
for (const size of values.routes.split(',')) {
  const count = sizeOf(size)
  for (const workers of values.workers.split(',')) {
    const home = join(root, `${size}-${workers}`)
    mkdirSync(join(home, 'routes'), { recursive: true })
    const file = join(home, 'routes/version.js')
    writeFileSync(file, moduleText(1))
    await fillDataFolder(join(home, 'data'), count)
    const { pid, port, stop } = await startServe(home, undefined, undefined, Number(workers))
    console.log(`${size} routes, ${workers} workers`)
    await wait(3_000)
    tell('at rest', lookAt(pid))
    await ask(port, pathAt(count - 1), requests)
    tell('requests', lookAt(pid))
    tell('a save', await most(pid, saved(port, file, 2)))
    await wait(3_000)
    tell('afterwards', lookAt(pid))
    await stop()
  }
}
