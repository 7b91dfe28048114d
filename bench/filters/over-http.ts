import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { hasTaskset } from '../gateway/load.ts'
import { fillDataFolder } from '../instance/fill.ts'
import { median } from '../instance/figures.ts'
import { cpuTimeOf } from '../instance/process-stat.ts'
import { startServe, type Served } from '../instance/serve.ts'
import { isInstalled } from '../proxy/native.ts'
import { startUpstream } from '../proxy/start.ts'
import { kinds, ownAnswer, ruleAt, type RuleKind, type RuleTarget } from './rules.ts'

const run = promisify(execFile)

/** "At the speed of one": so many times its CPU time a request may cost at most. */
const most = 1.1

/** A server, and which of its rules are asked for. */
interface Case {
  readonly name: string
  readonly served: Served
  readonly from: number
  readonly until: number
  readonly us: number[]
}

/**
 * What so many rules of one place cost a request beside a single one: each a `turnout serve` of its own with all that is
 * usual, on core 0, the load on core 1. They take turns; the CPU time of the server by request is what is compared.
 */
export async function rulesOverHttp(size: number, rounds: number, seconds: number): Promise<void> {
  const isPinned = await hasTaskset()
  const root = mkdtempSync(join(process.cwd(), '.turnout-bench-'))
  process.once('exit', () => rmSync(root, { recursive: true, force: true }))
  console.log(
    `\nover HTTP, 64 connections, ${rounds} rounds of ${seconds} s, ${isPinned ? 'pinned' : 'not pinned'}; us of CPU a request, median and least:`,
  )
  const rows: (readonly [RuleKind, string, RuleTarget])[] = kinds.map((kind) => [
    kind,
    kind,
    ownAnswer,
  ])
  const upstream = isInstalled('nginx') ? await startUpstream(root, isPinned ? 1 : undefined) : null
  if (upstream !== null) {
    const uri = `http://127.0.0.1:${upstream.port}`
    rows.push(['host', 'host, forwarded', { path: '/1k', target: { kind: 'uri', uri } }])
  }
  for (const [kind, title, target] of rows) {
    const open = async (name: string, count: number): Promise<Served> => {
      const home = join(root, `${title}-${name}`)
      await fillDataFolder(join(home, 'data'), count, (at) => ruleAt(kind, at, target))
      return await startServe(home, isPinned ? 0 : undefined)
    }
    const [one, many] = [await open('one', 1), await open('many', size)]
    const cases: readonly Case[] = [
      { name: 'one rule', served: one, from: 0, until: 1, us: [] },
      { name: `one of ${size}`, served: many, from: size >> 1, until: (size >> 1) + 1, us: [] },
      { name: `${size} at random`, served: many, from: 0, until: size, us: [] },
    ]
    const { path } = target
    for (const each of cases) await measure(kind, path, each, 2, isPinned)
    for (let round = 0; round < rounds; round += 1)
      // Each round begins with another one, so that nobody always follows the same neighbour.
      for (let at = 0; at < cases.length; at += 1) {
        const each = cases[(at + round) % cases.length]!
        each.us.push(await measure(kind, path, each, seconds, isPinned))
      }
    await one.stop()
    await many.stop()
    const least = cases.map(({ us }) => Math.min(...us))
    for (const [at, { name, us }] of cases.entries()) {
      const ratio = least[at]! / least[0]!
      const figures = `${median(us).toFixed(2)} ${least[at]!.toFixed(2)}, ratio ${ratio.toFixed(2)}`
      console.log(`${title.padEnd(15)} ${name.padEnd(16)} ${figures}`)
    }
    const ratio = least.at(-1)! / least[0]!
    console.log(
      `${ratio <= most ? 'reached' : 'MISSED'}  ${size} rules by ${title} at the speed of one: ${ratio.toFixed(2)}x, at most ${most}x`,
    )
  }
  await upstream?.stop()
}

/** Microseconds of the server's CPU time by request. */
async function measure(
  kind: RuleKind,
  path: string,
  { served, from, until }: Case,
  seconds: number,
  isPinned: boolean,
): Promise<number> {
  const script = fileURLToPath(new URL('./rule-load.js', import.meta.url))
  const words = [script, served.port, seconds * 1_000, kind, from, until, path].map(String)
  const before = cpuTimeOf(served.pid)
  const { stdout } = isPinned
    ? await run('taskset', ['-c', '1', process.execPath, ...words])
    : await run(process.execPath, words)
  return (cpuTimeOf(served.pid) - before) / Number(stdout)
}
