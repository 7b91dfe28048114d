import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { problem, type Problem } from '../../core/errors.ts'
import { thrownMessage } from '../../core/thrown.ts'
import type { InstanceOptions } from './commands.ts'

/** Where an instance answers, and what opens it. */
export interface Instance {
  readonly url: string
  readonly token: string
}

/** `isNone`: nothing says that an instance runs; false: one is meant, and cannot be asked. */
export type Found =
  | ({ readonly ok: true } & Instance)
  | { readonly ok: false; readonly problem: Problem; readonly isNone: boolean }

/** Address of an instance, and the data folder that its token may be read from. */
interface Address {
  readonly url: string
  readonly directory: string | null
}

const instanceFile = 'instance.json'
const tokenFile = 'admin-token'

const none = (reason: string): Found => ({
  ok: false,
  problem: problem('TURNOUT_INSTANCE_NOT_FOUND', { reason }),
  isNone: true,
})

/** Whether the command or the environment names an instance, so that no other will do. */
export function isNamed({ admin, data, terminal }: InstanceOptions): boolean {
  return (
    admin !== undefined ||
    data !== undefined ||
    (terminal.environment['TURNOUT_ADMIN'] ?? '') !== ''
  )
}

/** Finds the instance: --admin, --data, TURNOUT_ADMIN, or a `.turnout` here or beside what is named. */
export async function findInstance(options: InstanceOptions): Promise<Found> {
  const address = await findAddress(options)
  if ('ok' in address) return address
  return withToken(address, options)
}

async function findAddress(options: InstanceOptions): Promise<Address | Found> {
  const { admin, data, named, terminal } = options
  const { environment, workingDirectory } = terminal
  const here = join(workingDirectory, '.turnout')
  const given =
    admin ?? (data === undefined ? environment['TURNOUT_ADMIN'] || undefined : undefined)
  if (given !== undefined) {
    const url = /^https?:\/\//i.test(given) ? given : `http://${given}`
    if (!URL.canParse(url)) return none(`${given} is no URL`)
    // A token of this machine goes to nobody else unless the data folder was named.
    const isOwn = data !== undefined || isLoopback(new URL(url).hostname)
    const directory = data === undefined ? here : resolve(workingDirectory, data)
    return { url, directory: isOwn ? directory : null }
  }
  const beside = named.map((path) => join(dirname(resolve(workingDirectory, path)), '.turnout'))
  const directories = data === undefined ? [here, ...beside] : [resolve(workingDirectory, data)]
  for (const directory of new Set(directories)) {
    const file = join(directory, instanceFile)
    let text: string
    try {
      text = await readFile(file, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue
      return none(`${file} cannot be read: ${thrownMessage(error)}`)
    }
    return readInstance(file, text, directory)
  }
  return none(`there is no ${join(directories[0]!, instanceFile)}`)
}

function readInstance(file: string, text: string, directory: string): Address | Found {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = null
  }
  const { admin, pid } = (value ?? {}) as { readonly admin?: unknown; readonly pid?: unknown }
  if (typeof admin !== 'string' || !URL.canParse(admin)) return none(`${file} names no address`)
  // Who took the port of an instance that was killed must not be shown its token.
  if (typeof pid === 'number' && !isAlive(pid))
    return none(`the process ${pid}, which ${file} names, has ended`)
  return { url: admin, directory }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || /^127(\.\d+){3}$/.test(host)

async function withToken({ url, directory }: Address, options: InstanceOptions): Promise<Found> {
  const given = options.terminal.environment['TURNOUT_ADMIN_TOKEN']
  if (given !== undefined && given !== '') return { ok: true, url, token: given }
  const missing = (reason: string): Found => ({
    ok: false,
    problem: problem('TURNOUT_INSTANCE_TOKEN', { url, reason }),
    isNone: false,
  })
  if (directory === null) return missing('the token of a data folder here is not sent elsewhere')
  const file = join(directory, tokenFile)
  try {
    const token = (await readFile(file, 'utf8')).trim()
    return /^[\w.~+/=-]+$/.test(token)
      ? { ok: true, url, token }
      : missing(`${file} holds no token`)
  } catch (error) {
    return missing(thrownMessage(error))
  }
}
