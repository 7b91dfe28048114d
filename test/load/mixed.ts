// A load of every kind of exchange, in a process of its own: argv is a plan as JSON. Says on stdout how far it is, a line
// of JSON each `step` requests; the last line is its report.
import { createHash } from 'node:crypto'
import { Agent, request, type IncomingHttpHeaders } from 'node:http'
import { performance } from 'node:perf_hooks'

export interface MixedPlan {
  readonly port: number
  readonly requests: number
  readonly step: number
}

export interface MixedReport {
  readonly completed: number
  readonly failed: number
  /** The first few things that went wrong. */
  readonly faults: readonly string[]
  /** Answers by `PATH REVISION VERSION ...`: all that they said of who made them. */
  readonly said: Readonly<Record<string, number>>
  readonly durationMs: number
}

const plan = JSON.parse(process.argv[2] ?? '{}') as MixedPlan
const answerMs = 20_000
const kept = new Agent({ keepAlive: true, maxSockets: 16 })
const large = Buffer.alloc(1_000_000, 'a body of one megabyte, again and again. ')
const largeHash = createHash('sha256').update(large).digest('hex')

const said: Record<string, number> = {}
const faults: string[] = []
let completed = 0
let failed = 0
let started = 0

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

const ask = (method: string, path: string, agent: Agent | false, parts: number): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: plan.port, method, path, agent }
    const outgoing = request(options, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const { statusCode: status = 0, headers, complete } = response
        if (complete) resolve({ status, headers, body: Buffer.concat(chunks) })
        else reject(new Error('not whole'))
      })
    })
    outgoing.setTimeout(answerMs, () => outgoing.destroy(new Error('unanswered')))
    outgoing.on('error', reject)
    // Without a length it is sent in chunks.
    const length = Math.ceil(large.length / Math.max(1, parts))
    for (let at = 0; at < parts; at += 1)
      outgoing.write(large.subarray(at * length, (at + 1) * length))
    outgoing.end()
  })

const faultOf = (path: string, { status, headers, body }: Answer): string | null => {
  if (status !== 200) return `status ${status} ${body.toString().slice(0, 200)}`
  if (path === '/up') return body.toString() === largeHash ? null : 'another body came'
  const hash = createHash('sha256').update(body).digest('hex')
  if (path === '/down')
    return hash === headers['x-hash'] && body.length === 1_000_000 ? null : 'another body came back'
  const tag = String(headers['x-version'])
  return body.equals(Buffer.from(`${tag} `.repeat(20))) ? null : `${tag} says ${body.toString()}`
}

const one = async (at: number, agent: Agent | false): Promise<void> => {
  const path =
    at % 100 === 7 ? '/up' : at % 100 === 57 ? '/down' : at % 3 === 0 ? '/data' : '/serving'
  try {
    const answer = await ask(path === '/up' ? 'POST' : 'GET', path, agent, path === '/up' ? 8 : 0)
    const fault = faultOf(path, answer)
    if (fault !== null) throw new Error(fault)
    completed += 1
    const { headers } = answer
    const names = ['x-revision', 'x-version', 'x-middleware', 'x-filter', 'x-data', 'x-last']
    const key = [path, ...names.map((name) => headers[name] ?? '-')].join(' ')
    said[key] = (said[key] ?? 0) + 1
  } catch (error) {
    failed += 1
    if (faults.length < 10) faults.push(`${path}: ${String(error)}`)
  }
  const done = completed + failed
  if (done % plan.step === 0) process.stdout.write(`${JSON.stringify({ done })}\n`)
}

const loop = async (agent: Agent | false): Promise<void> => {
  while (started < plan.requests) await one(started++, agent)
}

const startedAt = performance.now()
await Promise.all([
  ...Array.from({ length: 16 }, () => loop(kept)),
  ...Array.from({ length: 4 }, () => loop(false)),
])
kept.destroy()
const report: MixedReport = {
  completed,
  failed,
  faults,
  said,
  durationMs: performance.now() - startedAt,
}
process.stdout.write(`${JSON.stringify({ report })}\n`)
