import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../change/servers.ts'
import { npmNames, type NodeProxyName, type ProxyName } from './names.ts'
import { prepare, prepareUpstream, type Command } from './native.ts'

/** A process that serves on a port. Ends with `stop`. */
export interface Started {
  readonly pid: number
  readonly port: number
  readonly stop: () => Promise<void>
}

const readyMs = 20_000

/** Runs a command on one core, where that can be had. */
export function spawnOn(cpu: number | undefined, { words, environment }: Command): ChildProcess {
  const all = cpu === undefined ? words : ['taskset', '-c', String(cpu), ...words]
  return spawn(all[0]!, all.slice(1), {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...environment },
  })
}

const stopOf = (child: ChildProcess): (() => Promise<void>) => {
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const kill = (): boolean => child.kill()
  process.on('exit', kill)
  return async () => {
    kill()
    await ended
    process.off('exit', kill)
  }
}

/** Until it answers as it should. Rejects when the process ends before, or the deadline has passed. */
const untilServed = async (child: ChildProcess, port: number): Promise<void> => {
  const deadline = performance.now() + readyMs
  while (performance.now() < deadline) {
    if (child.exitCode !== null) break
    const url = `http://127.0.0.1:${port}/1k`
    const body = await fetch(url).then((answer) => answer.text(), String)
    if (body.length === 1_024) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  child.kill()
  throw new Error(`${child.spawnargs.join(' ')} does not answer`)
}

/** The ports that a process of ours prints. */
const portsOf = (child: ChildProcess): Promise<number[]> =>
  new Promise((resolve, reject) => {
    let text = ''
    child.stderr!.on('data', (bytes: Buffer) => {
      text += bytes.toString()
      const found = /^([\d ]+)\n/m.exec(text)?.[1]
      if (found !== undefined) resolve(found.split(' ').map(Number))
    })
    child.once('close', () => reject(new Error(text)))
  })

const isNode = (name: ProxyName): name is NodeProxyName =>
  name === 'turnout' || (npmNames as readonly string[]).includes(name)

/** A proxy of ours or of npm in front of some URLs. */
export async function startNode(
  name: NodeProxyName,
  urls: readonly string[],
  cpu: number | undefined,
  flags: readonly string[] = [],
): Promise<Started & { readonly ports: readonly number[] }> {
  const script = fileURLToPath(new URL('./node-proxy.js', import.meta.url))
  const child = spawnOn(cpu, { words: [process.execPath, ...flags, script, name, ...urls] })
  const stop = stopOf(child)
  const ports = await portsOf(child)
  return { pid: child.pid!, port: ports[0]!, ports, stop }
}

const startCommand = async (command: Command, port: number, cpu: number | undefined) => {
  const child = spawnOn(cpu, command)
  const stop = stopOf(child)
  child.stderr!.resume()
  await untilServed(child, port)
  return { pid: child.pid!, port, stop }
}

/** Starts a proxy in front of the upstream; its files are below `root`. */
export async function startProxy(
  name: ProxyName,
  root: string,
  upstreamPort: number,
  cpu: number | undefined,
): Promise<Started> {
  if (isNode(name)) return startNode(name, [`http://127.0.0.1:${upstreamPort}`], cpu)
  const port = await freePort()
  return startCommand(prepare[name](join(root, name), port, upstreamPort), port, cpu)
}

export async function startUpstream(root: string, cpu: number | undefined): Promise<Started> {
  const port = await freePort()
  return startCommand(prepareUpstream(join(root, 'upstream'), port, 0), port, cpu)
}
