import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { removeFolder } from '../hot/support/served.ts'
import { freePort } from '../road/support/instance.ts'
import { root } from '../docs/root.ts'

/** Where the files of a deployment stand, below a folder of the test instead of the root. */
export interface Home {
  readonly folder: string
  /** Where a path of the deployment is here. */
  readonly at: (path: string) => string
}

const package_ = fileURLToPath(root)
const ownFolders = ['/app', '/data', '/etc/turnout', '/opt/turnout', '/var/lib/turnout']
const nobody = 1000
/** Longest wait for anything; only a hang is as slow as that. */
const patienceMs = 60_000

/** Nothing of it can be written by others than this test's user, but what it is told. */
export function makeHome(t: Pick<TestContext, 'after'>): Home {
  const folder = mkdtempSync(join(tmpdir(), 'turnout-deploy-'))
  t.after(() => removeFolder(folder))
  chmodSync(folder, 0o755)
  const at = (path: string): string =>
    ownFolders.some((own) => path === own || path.startsWith(`${own}/`)) ? folder + path : path
  for (const app of ['/app', '/opt/turnout']) {
    mkdirSync(join(at(app), 'node_modules'), { recursive: true })
    symlinkSync(package_, join(at(app), 'node_modules/turnout'))
  }
  return { folder, at }
}

/** A folder for data, as it is found at a start. */
export interface Volume {
  readonly path: string
  readonly mode: number
}

/** Puts files where a ConfigMap is mounted, or changes them, as a kubelet does: one link is renamed, and all is new. */
export function mountConfigMap(
  folder: string,
  files: Readonly<Record<string, string>>,
  stamp: string,
): void {
  mkdirSync(join(folder, `..${stamp}`), { recursive: true })
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(folder, `..${stamp}`, name), text)
  symlinkSync(`..${stamp}`, join(folder, '..data_tmp'))
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
  for (const name of Object.keys(files)) {
    rmSync(join(folder, name), { force: true })
    symlinkSync(`..data/${name}`, join(folder, name))
  }
}

/** The same with files that are there already: nothing is touched but the one link, and then the old files go. */
export function swapConfigMap(
  folder: string,
  files: Readonly<Record<string, string>>,
  from: string,
  to: string,
): void {
  mkdirSync(join(folder, `..${to}`))
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(folder, `..${to}`, name), text)
  symlinkSync(`..${to}`, join(folder, '..data_tmp'))
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
  rmSync(join(folder, `..${from}`), { recursive: true })
}

export interface Asked {
  /** 0: nobody answered. */
  readonly status: number
  readonly text: string
}

export function ask(port: number, path: string): Promise<Asked> {
  return new Promise((resolve) => {
    const none = (): void => resolve({ status: 0, text: '' })
    get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      response.on('error', none)
    }).on('error', none)
  })
}

/** Asks until an answer is as meant. */
export async function until(
  port: number,
  path: string,
  isMeant: (asked: Asked) => boolean,
): Promise<Asked> {
  const endsAt = Date.now() + patienceMs
  for (;;) {
    const asked = await ask(port, path)
    if (isMeant(asked)) return asked
    if (Date.now() > endsAt) throw new Error(`${path} answers ${asked.status} ${asked.text}`)
    await new Promise((resume) => setTimeout(resume, 20))
  }
}

export interface Running {
  readonly port: number
  /** Where `--health` said; 0: nowhere. */
  readonly healthPort: number
  readonly pid: number
  /**
   * Ends it as its manager would: the signal first, and so many seconds later the other one. Resolves with the exit code;
   * null: it had to be killed.
   */
  readonly stop: (graceSeconds: number) => Promise<number | null>
  readonly said: () => string
}

/** Whether somebody else than root can run what is built here. */
const canBeNobody = (): boolean =>
  process.getuid?.() === 0 &&
  spawnSync(process.execPath, [join(package_, 'dist/src/cli/main.js'), '--version'], {
    uid: nobody,
    gid: nobody,
    cwd: '/',
  }).status === 0

/**
 * Runs a command of a deployment, word for word but for its paths and ports. It runs as somebody who may write nowhere but
 * into its volumes, where this test may choose.
 */
export async function run(
  t: Pick<TestContext, 'after' | 'diagnostic'>,
  { at, folder }: Home,
  words: readonly string[],
  volume: Volume,
  environment: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const port = await freePort()
  const health = await freePort()
  const placed = words.map((word, index) =>
    words[index - 1] === '--health' ? word.replace(/\d+$/, String(health)) : at(word),
  )
  const isNobody = canBeNobody()
  if (!isNobody) t.diagnostic('runs as the user of this test')
  const tmp = join(folder, 'tmp')
  for (const { path, mode } of [
    { path: tmp, mode: 0o1777 },
    { ...volume, path: at(volume.path) },
  ]) {
    mkdirSync(path, { recursive: true })
    if (isNobody) chownSync(path, (mode & 0o002) === 0 ? nobody : 0, nobody)
    chmodSync(path, mode)
  }
  const [command, ...rest] = placed
  const child = spawn(/(^|\/)node$/.test(command!) ? process.execPath : command!, rest, {
    cwd: at(words.some((word) => word.startsWith('/opt/turnout')) ? '/opt/turnout' : '/app'),
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(isNobody ? { uid: nobody, gid: nobody } : {}),
    env: {
      PATH: process.env['PATH'],
      TMPDIR: tmp,
      PORT: String(port),
      TURNOUT_ADMIN_LISTEN: '127.0.0.1:0',
      ...environment,
    },
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = new Promise<number | null>((resolve) =>
    child.once('close', (code) => resolve(code)),
  )
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const endsAt = Date.now() + patienceMs
  while (!said.includes('ready in')) {
    if (child.exitCode !== null || Date.now() > endsAt) throw new Error(`it is not ready: ${said}`)
    await new Promise((resume) => setTimeout(resume, 50))
  }
  return {
    port,
    healthPort: words.includes('--health') ? health : 0,
    pid: child.pid!,
    said: () => said,
    stop: async (graceSeconds) => {
      child.kill('SIGTERM')
      const last = setTimeout(() => child.kill('SIGKILL'), graceSeconds * 1_000)
      const code = await ended
      clearTimeout(last)
      return code
    },
  }
}
