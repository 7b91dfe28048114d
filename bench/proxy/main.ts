// Forwarding to one upstream beside other proxies: `main.js [--rounds N] [--seconds N] [--only A,B] [--memory]`. Each
// proxy on core 0, load and upstream on core 1; rounds are interleaved, figures are medians. On a shared machine
// us/request is the figure that neighbours disturb least.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chooseDrive, hasTaskset } from '../gateway/load.ts'
import { machine, median } from '../instance/figures.ts'
import { cpuTimeOf } from '../instance/process-stat.ts'
import { measureMemory } from './memory.ts'
import { npmNames, proxyNames, type ProxyName } from './names.ts'
import { buildGo, isInstalled } from './native.ts'
import { startProxy, startUpstream } from './start.ts'

interface Run {
  readonly rate: number
  /** CPU time of the proxy by request. */
  readonly us: number
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    only: { type: 'string' },
    memory: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const paths = ['/1k', '/64k'] as const
/** The engine of a Node proxy compiles for some seconds on the only core that it has. */
const warmUpSeconds = 8

const root = mkdtempSync(join(tmpdir(), 'turnout-bench-proxy-'))
// The workers of nginx are somebody else, where root starts it.
chmodSync(root, 0o755)
process.once('exit', () => rmSync(root, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const isHere = (name: ProxyName): boolean => {
  if (name === 'go') return buildGo(join(root, 'go'))
  return !['nginx', 'haproxy', 'caddy'].includes(name) || isInstalled(name)
}

const ratio = (row: Run, other: Run | undefined): string =>
  (other === undefined ? '-' : `${(other.us / row.us).toFixed(2)}x`).padStart(8)

const report = (path: string, rows: ReadonlyMap<ProxyName, Run>): void => {
  const nginx = rows.get('nginx')
  const npm = npmNames.flatMap((name) => rows.get(name) ?? [])
  const fastest = npm.toSorted((a, b) => a.us - b.us)[0]
  console.log(`\n${path.padEnd(20)}    req/s   us/req  to nginx  to the fastest of npm (by us/req)`)
  for (const [name, row] of rows) {
    const figures = `${row.rate.toFixed(0).padStart(8)} ${row.us.toFixed(1).padStart(8)}`
    console.log(`${name.padEnd(20)} ${figures}  ${ratio(row, nginx)}  ${ratio(row, fastest)}`)
  }
  const turnout = rows.get('turnout')
  if (turnout === undefined) return
  const claims =
    path === '/1k'
      ? ([
          ['at least 0.75 of nginx', nginx, 0.75],
          ["at least HAProxy's", rows.get('haproxy'), 1],
          ['at least 2.5x the fastest npm proxy', fastest, 2.5],
          ['at least 3x Caddy', rows.get('caddy'), 3],
          ["at least 3x Go's own proxy in Gin", rows.get('go'), 3],
        ] as const)
      : ([['at least 0.85 of nginx', nginx, 0.85]] as const)
  for (const [claim, other, least] of claims) {
    if (other === undefined) continue
    const byUs = other.us / turnout.us
    const byRate = turnout.rate / other.rate
    // CPU time decides: neighbours take a server's time, hardly its work.
    const verdict = (Number.isNaN(byUs) ? byRate : byUs) >= least ? 'reached' : 'MISSED '
    console.log(
      `${verdict}  ${claim}: ${byUs.toFixed(2)}x by us/req, ${byRate.toFixed(2)}x by req/s`,
    )
  }
}

const measure = async (): Promise<void> => {
  if (!isInstalled('nginx')) throw new Error('the upstream is nginx: `apt-get install nginx`')
  const isPinned = cpus().length > 1 && (await hasTaskset())
  const [proxyCpu, loadCpu] = isPinned ? [0, 1] : [undefined, undefined]
  const { name: driver, drive } = await chooseDrive()
  const wanted = proxyNames.filter((name) => values.only?.split(',').includes(name) ?? true)
  const names = wanted.filter(isHere)
  const missing = wanted.filter((name) => !names.includes(name))
  console.log(machine())
  console.log(
    `${driver}, ${rounds} rounds of ${seconds} s, ${isPinned ? 'pinned' : 'not pinned'}; ` +
      `${missing.length} skipped for they are not installed${missing.map((name) => ` ${name}`).join('')}`,
  )
  const upstream = await startUpstream(root, loadCpu)
  const runs = new Map(paths.map((path) => [path, new Map<ProxyName, Run[]>()]))
  for (let round = 0; round < rounds; round += 1) {
    // Each round begins with another one, so that nobody always follows the same neighbour.
    for (let at = 0; at < names.length; at += 1) {
      const name = names[(at + round) % names.length]!
      const proxy = await startProxy(name, root, upstream.port, proxyCpu)
      for (const path of paths) {
        await drive(proxy.port, warmUpSeconds, loadCpu, path)
        const before = cpuTimeOf(proxy.pid)
        const rate = await drive(proxy.port, seconds, loadCpu, path)
        const us = (cpuTimeOf(proxy.pid) - before) / (rate * seconds)
        const all = runs.get(path)!
        all.set(name, [...(all.get(name) ?? []), { rate, us }])
      }
      await proxy.stop()
    }
  }
  await upstream.stop()
  for (const [path, all] of runs) {
    const rows = names.map((name) => {
      const list = all.get(name)!
      const rate = median(list.map((run) => run.rate))
      return [name, { rate, us: median(list.map(({ us }) => us)) }] as const
    })
    report(path, new Map(rows))
  }
  console.log(`\n${machine().replace('load before', 'load after')}`)
}

await (values.memory ? measureMemory() : measure())
