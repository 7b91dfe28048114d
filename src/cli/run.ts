import { performance } from 'node:perf_hooks'
import { readFile, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { loadConfig, type LoadResult } from '../config/load.ts'
import type { ResolvedConfig } from '../config/schema.ts'
import { TurnoutError, type Problem } from '../core/errors.ts'
import type { AppliedChange } from '../control/change.ts'
import type { Logger } from '../core/logger.ts'
import { thrownMessage } from '../core/thrown.ts'
import { getKey } from '../core/persistent-map.ts'
import { routesAt } from '../core/route/choice.ts'
import { findPath } from '../core/router/lookup.ts'
import { explainRoute } from '../core/router/explain.ts'
import { installStackMapping } from '../modules/source-map.ts'
import { mapError } from '../modules/report.ts'
import { createLogger } from '../telemetry/log.ts'
import { writeDurably } from '../store/durable-file.ts'
import { Turnout, type MakeServing } from '../turnout.ts'
import type { ProcessSettings } from '../supervisor/messages.ts'
import { ProcessServing } from '../supervisor/process-serving.ts'
import { wantsColour } from './colour.ts'
import { exitCodes, type FolderOptions, type ProbeOptions, type ServeOptions } from './commands.ts'
import { planFolder, viewRoutes, warningsOf, type Plan } from './plan.ts'
import { printOffence } from './print-offence.ts'
import { printChange, printRetirement, printStep } from './print-change.ts'
import { printEvent, type CliEvent } from './print-json.ts'
import { printProbation } from './print-probation.ts'
import { printWorker } from './print-worker.ts'
import { printProbe } from './print-probe.ts'
import { printProblem, printRejection, printWarning } from './print-problem.ts'
import { printReady, printToken } from './print-ready.ts'
import { printRoutes } from './print-routes.ts'
import { readVersion } from './version.ts'

const drainMs = 30_000
/** Who saves often would soon have the most versions alive. */
const devStreamDrainMs = 10_000

const report = ({ terminal, json }: FolderOptions, found: Problem): void => {
  const { out, err, paintErr } = terminal
  if (json) out(printEvent({ event: 'problem', ...found }))
  else err(printProblem(found, paintErr))
}

const reportAll = (options: FolderOptions, problems: readonly Problem[]): number => {
  for (const found of problems) report(options, found)
  return exitCodes.failed
}

const configOf = ({ config, directory, terminal }: FolderOptions): Promise<LoadResult> =>
  loadConfig({
    ...(config === undefined ? {} : { file: config }),
    startDirectory: directory,
    workingDirectory: terminal.workingDirectory,
  })

/** `serve` and `dev`: runs until it is told to stop. */
export async function serve(options: ServeOptions): Promise<number> {
  const startedAt = performance.now()
  const loaded = await configOf(options)
  if (!loaded.ok) return reportAll(options, loaded.problems)
  const { config, file } = loaded
  const { directory, terminal } = options
  // This process is ours alone, so `error.stack` may name the author's files everywhere.
  installStackMapping()
  const data = options.data ?? config.data ?? join(dirname(directory), '.turnout')
  let turnout: Turnout
  try {
    const usualOrder = options.command === 'serve' ? 'reasoned' : 'free'
    turnout = await Turnout.open(
      {
        ...config,
        ...(options.command === 'dev' && {
          streamDrainMs: Math.min(config.streamDrainMs, devStreamDrainMs),
        }),
        lane: options.lane ?? config.lane,
        versionOrder: config.versionOrder ?? usualOrder,
        probation: options.probation ?? config.probation ?? options.command === 'serve',
        logger: loggerOf(options, config),
        ...(file !== null && { configFile: file }),
        data,
      },
      servingOf(options, loaded, data),
    )
  } catch (error) {
    return refuse(options, error)
  }
  if (!config.containment) logStrayErrors(turnout.log)
  outliveReaders()
  printEvents(turnout, options)
  reportResumed(turnout, options)
  const stopped = stopSignal(turnout, config.stopDelayMs, () =>
    rm(instanceFile(data), { force: true }),
  )
  try {
    const { host = config.host, port = config.port } = options
    // What the store holds is served before the folder is looked at.
    const place = { host, port, tls: config.tls }
    const early = turnout.revision > 0 ? await turnout.listen(place) : null
    const admin = await openAdmin(turnout, options, config, data)
    let health = early && (await openHealth(turnout, options, config))
    await turnout.files(directory, { settleMs: options.settleMs ?? config.settleMs })
    await followRedis(turnout, options, config)
    const listener = early ?? (await turnout.listen(place))
    // Nobody is sent here before it listens.
    health ??= await openHealth(turnout, options, config)
    const { url } = listener
    rereadOnSignal(turnout)
    const ready = {
      version: readVersion(),
      readyMs: performance.now() - startedAt,
      urls: [url],
      admin: admin?.url ?? null,
      health: health?.url ?? null,
      revision: turnout.revision,
      folder: relative(terminal.workingDirectory, directory) || '.',
      ...turnout.counts,
      configFile: file,
    }
    if (options.json) terminal.out(printEvent({ event: 'ready', ...ready }))
    else terminal.out(printReady(ready, terminal.paintOut))
  } catch (error) {
    // Told to stop before it was ready.
    if (error instanceof TurnoutError && error.code === 'TURNOUT_CLOSED') return stopped
    await turnout.close(0)
    return refuse(options, error)
  }
  return stopped
}

const followRedis = async (
  turnout: Turnout,
  { terminal }: ServeOptions,
  { sources: { redis } }: ResolvedConfig,
): Promise<void> => {
  if (redis === undefined) return
  const { url = terminal.environment['TURNOUT_REDIS_URL'] ?? '', key, channel, pollMs } = redis
  await turnout.redis({ url, key, pollMs, ...(channel === undefined ? {} : { channel }) })
}

/** SIGHUP: something was replaced, and nobody wants to wait until that is seen. */
const rereadOnSignal = (turnout: Turnout): void => {
  process.on('SIGHUP', () => {
    turnout
      .reread()
      .catch((error: unknown) => turnout.log.error('a signal came to nothing', mapError(error)))
  })
}

const readTls = async (files: {
  readonly key: string
  readonly cert: string
}): Promise<{ readonly key: string; readonly cert: string }> => {
  const read = (file: string): Promise<string> =>
    readFile(file, 'utf8').catch((error: unknown) => {
      const reason = thrownMessage(error)
      throw new TurnoutError('TURNOUT_CONFIG_UNREADABLE', { file, reason }, { cause: error })
    })
  return { key: await read(files.key), cert: await read(files.cert) }
}

/** Tells an error that has a code; anything else is a defect. */
const refuse = (options: ServeOptions, error: unknown): number => {
  if (!(error instanceof TurnoutError)) throw error
  report(options, { code: error.code, message: error.message })
  return exitCodes.failed
}

/** Damage that was found, and modules that cannot serve: at once, and on both outputs. */
const reportResumed = (turnout: Turnout, options: ServeOptions): void => {
  const { recovery, rejections } = turnout.resumed
  if (recovery !== null) report(options, recovery)
  for (const { problems } of rejections) for (const found of problems) report(options, found)
}

/** Says where the admin API of a running instance is: for the commands that talk to it. */
const instanceFile = (data: string): string => join(data, 'instance.json')

const openAdmin = async (
  turnout: Turnout,
  options: ServeOptions,
  config: ResolvedConfig,
  data: string,
): Promise<{ readonly url: string } | null> => {
  const place = options.admin === undefined ? config.admin : options.admin
  if (place === null) return null
  const { hosts, tls, changesPerSecond } = config.admin ?? {}
  const { url, firstToken } = await turnout.admin({
    host: place.host,
    port: place.port,
    isAwaitingSocket: true,
    ...(hosts === undefined ? {} : { hosts }),
    ...(changesPerSecond === undefined ? {} : { changesPerSecond }),
    ...(tls === undefined ? {} : { tls: await readTls(tls) }),
  })
  const content = JSON.stringify({ admin: url, pid: process.pid })
  await writeDurably(instanceFile(data), content, 'instance')
  const { file, isNew, token } = firstToken
  const { terminal, json } = options
  if (!isNew || file === null) return { url }
  const shown = relative(terminal.workingDirectory, file)
  if (json) terminal.out(printEvent({ event: 'token', file, token }))
  else terminal.out(printToken(shown, token, terminal.paintOut))
  return { url }
}

const openHealth = async (
  turnout: Turnout,
  options: ServeOptions,
  config: ResolvedConfig,
): Promise<{ readonly url: string } | null> => {
  const place = options.health === undefined ? config.health : options.health
  return place === null ? null : turnout.health(place)
}

type LogSettings = NonNullable<ProcessSettings['log']>

const logSettings = (options: ServeOptions, { logger }: ResolvedConfig): LogSettings | null => {
  if (logger === false && options.logLevel === undefined) return null
  const level = options.logLevel ?? (typeof logger === 'object' ? logger.level : 'info')
  const { isTTY } = process.stderr
  const pretty = isTTY || options.command === 'dev'
  const colour = wantsColour(options.terminal.environment, isTTY)
  return { level, pretty, colour }
}

const loggerOf = (options: ServeOptions, config: ResolvedConfig): boolean | Logger => {
  const settings = logSettings(options, config)
  return settings === null ? false : createLogger(settings)
}

/** Worker processes, or (undefined) this one alone. */
const servingOf = (
  options: ServeOptions,
  { config, file }: Extract<LoadResult, { readonly ok: true }>,
  data: string,
): MakeServing | undefined => {
  const usual = options.command === 'serve' ? availableParallelism() : 0
  const count = options.workers ?? config.workers ?? usual
  if (count === 0) return undefined
  const services = Object.keys(config.services).length === 0 ? null : file
  const process = { log: logSettings(options, config), data: resolve(data), services }
  const { workerMemoryMb } = config
  const memoryBytes = workerMemoryMb === undefined ? null : workerMemoryMb * 1024 * 1024
  return (wiring) => new ProcessServing({ ...wiring, count, memoryBytes, process })
}

/** What a module throws in a timer or leaves rejected is logged with its place; the process lives on. */
const logStrayErrors = (log: Logger): void => {
  process.on('uncaughtException', (error) => log.error('an error nobody caught', mapError(error)))
  process.on('unhandledRejection', (error) =>
    log.error('a rejection nobody handled', mapError(error)),
  )
}

/** Whoever read our lines may be gone, `serve | tee` killed: no reason to drop requests. */
const outliveReaders = (): void => {
  for (const stream of [process.stdout, process.stderr]) {
    stream.removeAllListeners('error')
    stream.on('error', () => undefined)
  }
}

/** Resolves with the exit code when the process was told to stop and everything has been given back. */
const stopSignal = (
  turnout: Turnout,
  delayMs: number,
  onEnd: () => Promise<void>,
): Promise<number> =>
  new Promise((resolve) => {
    let isStopping = false
    const stop = (): void => {
      // The second signal means now.
      if (isStopping) process.exit(exitCodes.failed)
      isStopping = true
      const end = (code: number) =>
        onEnd().then(
          () => resolve(code),
          () => resolve(code),
        )
      turnout.close(drainMs, { delayMs }).then(
        (cut) => end(cut === 0 ? exitCodes.ok : exitCodes.failed),
        () => end(exitCodes.failed),
      )
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
  })

/** Routes of a module were switched off or on; its code is the same. */
const isSwitch = ({ from, to, changed }: AppliedChange): boolean =>
  from !== null && from === to && changed.length > 0

const printEvents = (turnout: Turnout, options: ServeOptions): void => {
  const { terminal, json } = options
  const { out, err, paintOut, paintErr } = terminal
  const appliedAt = new Map<string, number>()
  const say = (event: CliEvent, text: () => string, write: (text: string) => void): void => {
    if (json) out(printEvent(event))
    else write(text())
  }
  turnout.on('applied', ({ revision, durationMs }) => {
    const modules = revision.changes.flatMap((one) => {
      const { module, from, to, added, removed } = one
      if (module === null || isSwitch(one)) return []
      if (from !== null) appliedAt.set(`${module} ${from}`, performance.now())
      const kind = from === null ? 'added' : to === null ? 'removed' : 'replaced'
      const draining = turnout.draining
        .filter((one) => one.module === module)
        .reduce((sum, { exchanges }) => sum + exchanges, 0)
      const counts = { routesAdded: added.length, routesRemoved: removed.length, draining }
      const versions = { ...(from === null ? {} : { from }), ...(to === null ? {} : { to }) }
      return [{ module, kind, ...versions, ...counts } as const]
    })
    const owners = revision.changes.flatMap((one) =>
      one.module === null || isSwitch(one)
        ? [
            {
              owner: one.owner,
              routesAdded: one.added.length,
              routesRemoved: one.removed.length,
              routesChanged: one.changed.length,
              upstreams: one.upstreams.length,
              upstreamsAdded: one.upstreamsAdded.length,
              upstreamsRemoved: one.upstreamsRemoved.length,
            },
          ]
        : [],
    )
    const change = { revision: revision.number, modules, owners, durationMs }
    const isStep = revision.author.startsWith('rollout:')
    const text = (): string =>
      isStep ? printStep(revision, paintOut) : printChange(change, paintOut)
    say({ event: 'applied', ...change }, text, out)
  })
  turnout.on('rejected', ({ rejections }) => {
    for (const { label, serving, problems } of rejections) {
      const rejection = { module: label, serving, problems }
      say({ event: 'rejected', ...rejection }, () => printRejection(rejection, paintErr), err)
    }
  })
  turnout.on('retired', ({ module, version, waitedMs }) => {
    // What nobody waited for needs no line of its own.
    if (waitedMs < 1 && !json) return
    const retirement = { module, version, durationMs: waitedMs }
    say({ event: 'retired', ...retirement }, () => printRetirement(retirement, paintOut), out)
  })
  turnout.on('worker', (event) => {
    if (event.kind === 'ended' || json)
      say({ event: 'worker', ...event }, () => printWorker(event, paintErr), err)
  })
  turnout.on('probation', (verdict) =>
    say({ event: 'probation', ...verdict }, () => printProbation(verdict, paintErr), err),
  )
  turnout.on('offence', (offence) =>
    say({ event: 'offence', ...offence }, () => printOffence(offence, paintErr), err),
  )
}

/** Prints what is wrong with a plan; true when nothing is. */
const isClean = (options: FolderOptions, plan: Plan): boolean => {
  const { terminal, json } = options
  for (const found of plan.problems) report(options, found)
  for (const { label, serving, problems } of plan.rejections) {
    const rejection = { module: label, serving, problems }
    if (json) terminal.out(printEvent({ event: 'rejected', ...rejection }))
    else terminal.err(printRejection(rejection, terminal.paintErr))
  }
  return plan.problems.length === 0 && plan.rejections.length === 0
}

const withPlan = async (
  options: FolderOptions,
  use: (plan: Plan, config: ResolvedConfig) => number,
): Promise<number> => {
  const loaded = await configOf(options)
  if (!loaded.ok) return reportAll(options, loaded.problems)
  const plan = await planFolder(options.directory, loaded.config)
  const clean = isClean(options, plan)
  const code = use(plan, loaded.config)
  return clean ? code : exitCodes.failed
}

/** `routes`: lists what the folder would serve. */
export function routes(options: FolderOptions): Promise<number> {
  const { terminal, json, directory } = options
  return withPlan(options, ({ table }) => {
    const views = viewRoutes(table, directory)
    if (!json) terminal.out(printRoutes(views, terminal.paintOut))
    else for (const view of views) terminal.out(printEvent({ event: 'route', ...view }))
    return exitCodes.ok
  })
}

/** `check`: builds, rehearses and checks the folder; exit code 1 when something would be refused. */
export function check(options: FolderOptions): Promise<number> {
  const { terminal, json } = options
  return withPlan(options, ({ table, modules, rejections }) => {
    for (const warning of warningsOf(table)) {
      if (json) terminal.out(printEvent({ event: 'warning', ...warning }))
      else terminal.err(printWarning(warning, terminal.paintErr))
    }
    const accepted = modules - rejections.length
    if (json)
      terminal.out(printEvent({ event: 'checked', modules: accepted, routes: table.routes.size }))
    else {
      const { size } = table.routes
      terminal.out(`${accepted} of ${modules} modules, ${size} route${size === 1 ? '' : 's'}\n`)
    }
    return exitCodes.ok
  })
}

/** `probe METHOD URL`: which route would serve the request, why, and what came nearest. */
export function probe(options: ProbeOptions): Promise<number> {
  const { terminal, json, method, url } = options
  return withPlan(options, ({ table }, { encodedSlash }) => {
    const target = url.replace(/^https?:\/\/[^/?#]*/i, '') || '/'
    const explanation = explainRoute(table.router, method, target, { encodedSlash })
    const isMatch = explanation.kind === 'match'
    const found = isMatch ? findPath(table.router, method, explanation.path) : null
    const [route] = found?.kind === 'match' ? routesAt(found.value) : []
    const of = route?.target
    const reference = of?.kind === 'module' ? getKey(table.modules, of.module) : undefined
    const served = reference === undefined ? null : `${reference.name} ${reference.version}`
    const request = `${method} ${target}`
    if (json) terminal.out(printEvent({ event: 'probe', request, served, ...explanation }))
    else terminal.out(printProbe(request, explanation, served, terminal.paintOut))
    return isMatch ? exitCodes.ok : exitCodes.failed
  })
}
