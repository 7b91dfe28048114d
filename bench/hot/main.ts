// Time from saving a module's file to the first answer by its new code, beyond the settle time:
// `main.js [--saves N]`. The server is a real `turnout serve`; the client asks all the time on a kept connection.
import { spawn } from 'node:child_process'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/** What `serve` waits by default after the last event of a file. */
const settleMs = 50
const targetMs = 50
/** An answer that has not come by then never will. */
const patienceMs = 10_000

const { values } = parseArgs({ options: { saves: { type: 'string', default: '100' } } })
const saves = Number(values.saves)

const forms = [
  { name: 'one file', file: 'hello.js', size: 0 },
  { name: 'one TypeScript file', file: 'hello.ts', size: 0 },
  { name: 'a file of 50 KB', file: 'hello.js', size: 50_000 },
]

const textOf = (tag: string, size: number): string => `
const padding = ${JSON.stringify('x'.repeat(size))}
export default {
  register(routes) {
    routes.get('/hello', (c) => c.text('${tag}' + padding.slice(0, 0)))
  },
}
`

const agent = new Agent({ keepAlive: true, maxSockets: 1 })

const ask = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    get({ agent, host: '127.0.0.1', port, path: '/hello' }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (text += part))
      response.on('end', () => resolve(text))
    }).on('error', reject)
  })

const save = (folder: string, file: string, text: string): void => {
  writeFileSync(join(folder, `.${file}`), text)
  renameSync(join(folder, `.${file}`), join(folder, file))
}

const measure = async ({ file, size }: (typeof forms)[number]): Promise<number[]> => {
  const folder = mkdtempSync(join(tmpdir(), 'turnout-bench-'))
  save(folder, file, textOf('v0', size))
  const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
  const words = [main, 'serve', folder, '--port', '0', '--json', '--log-level', 'error']
  words.push('--settle', String(settleMs))
  const server = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const port = await new Promise<number>((resolve, reject) => {
      createInterface(server.stdout).on('line', (line) => {
        const { event, urls } = JSON.parse(line) as { event: string; urls?: string[] }
        if (event === 'ready') resolve(Number(new URL(urls![0]!).port))
      })
      server.once('close', () => reject(new Error('the server ended')))
    })
    const times: number[] = []
    for (let number = 1; number <= saves; number += 1) {
      const tag = `v${number}`
      // Saves of people are not in step with the server's timers.
      await pause(30 + ((number * 37) % 200))
      const savedAt = performance.now()
      save(folder, file, textOf(tag, size))
      while ((await ask(port)) !== tag) {
        if (performance.now() - savedAt > patienceMs) throw new Error(`${tag} did not go live`)
        await pause(1)
      }
      times.push(performance.now() - savedAt - settleMs)
    }
    return times.toSorted((a, b) => a - b)
  } finally {
    server.kill()
    await new Promise((resolve) => server.once('close', resolve))
    rmSync(folder, { recursive: true, force: true })
  }
}

console.log(`${cpus()[0]?.model}, ${cpus().length} CPUs, Node ${process.version}`)
console.log(`${saves} saves each; milliseconds beyond the settle time of ${settleMs} ms\n`)
console.log('                        median     p90     max')
for (const form of forms) {
  const times = await measure(form)
  const at = (share: number): number => times[Math.ceil(times.length * share) - 1]!
  const figures = [at(0.5), at(0.9), at(1)].map((time) => time.toFixed(1).padStart(6)).join('  ')
  const verdict = at(0.5) <= targetMs ? 'reached' : 'MISSED'
  console.log(`${form.name.padEnd(22)}  ${figures}  ${verdict}: at most ${targetMs} median`)
}
agent.destroy()
