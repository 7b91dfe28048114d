import { Option, type Command } from 'commander'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { problem } from '../../core/errors.ts'
import {
  toDuration,
  toHeaders,
  toLimit,
  toMethod,
  toOrigin,
  toRemovals,
  toRevision,
  toTarget,
} from '../convert.ts'
import { exitCodes, type Commands, type FolderOptions, type Terminal } from '../commands.ts'
import type { Fallback, InstanceCommands, InstanceOptions, Removal } from './commands.ts'
import { report } from './reach.ts'
import { addRolloutCommands, type InstanceFlags as SharedFlags } from './rollout-program.ts'

/** What the commands of an instance need of the program. */
export interface ProgramTools {
  readonly terminal: Terminal
  readonly defaultFolder: string
  readonly loadInstanceCommands: () => Promise<InstanceCommands>
  /** Runs a command on a folder that must be there; gives its exit code. */
  readonly onFolder: (
    named: string,
    flags: FolderFlags,
    run: (commands: Commands, options: FolderOptions) => Promise<number>,
  ) => Promise<number>
  readonly exit: (code: number) => void
}

interface FolderFlags {
  readonly config?: string
  readonly json?: boolean
}

interface InstanceFlags extends FolderFlags, SharedFlags {}

interface ProbeFlags extends InstanceFlags {
  readonly header?: Readonly<Record<string, string>>
  readonly from?: string
}

interface DrillFlags extends InstanceFlags {
  readonly url?: string
  readonly report?: string
}

interface ChangeFlags extends InstanceFlags {
  readonly remove?: readonly Removal[]
  readonly basedOn?: number
  readonly force?: boolean
  readonly confirmWithin?: string
  readonly wait?: 'applied'
}

/** Adds the commands that look at a running instance, and those that change one. */
export function addInstanceCommands(program: Command, tools: ProgramTools): void {
  const { terminal, defaultFolder, loadInstanceCommands, onFolder, exit } = tools

  const commandOf = (parent: Command, usage: string, description: string): Command =>
    parent
      .command(usage)
      .description(description)
      .option('--admin <url>', 'admin API of the instance (TURNOUT_ADMIN)')
      .option('--data <dir>', 'data folder of the instance; .turnout here by default')
      .option('--json', 'one JSON object a line')
  const instanceCommand = (usage: string, description: string): Command =>
    commandOf(program, usage, description)
  const withReason = (command: Command): Command =>
    command.option('--reason <text>', 'why; kept in the history')

  const optionsOf = (flags: SharedFlags, named: readonly string[] = []) => ({
    terminal,
    named,
    json: flags.json === true,
    ...(flags.admin === undefined ? {} : { admin: flags.admin }),
    ...(flags.data === undefined ? {} : { data: flags.data }),
  })
  const reasonOf = ({ reason }: SharedFlags) => (reason === undefined ? {} : { reason })
  const onInstance = async <Given extends InstanceOptions>(
    options: Given,
    run: (commands: InstanceCommands, options: Given) => Promise<number>,
  ): Promise<void> => exit(await run(await loadInstanceCommands(), options))

  /** With a folder, or a config of one, the folder is asked; without, an instance, and the usual folder if none runs. */
  const onEither = async (
    directory: string | undefined,
    flags: InstanceFlags,
    offline: (commands: Commands, options: FolderOptions) => Promise<number>,
    online: (commands: InstanceCommands, fallback: Fallback) => Promise<number>,
  ): Promise<void> => {
    const inFolder = (): Promise<number> => onFolder(directory ?? defaultFolder, flags, offline)
    if (directory !== undefined || flags.config !== undefined) return exit(await inFolder())
    const isThere = existsSync(resolve(terminal.workingDirectory, defaultFolder))
    exit(await online(await loadInstanceCommands(), isThere ? inFolder : null))
  }

  program.commandsGroup('Look at a running instance:')

  instanceCommand('routes', 'list the routes of an instance, or of a folder')
    .argument('[dir]', 'folder to list instead')
    .option('-c, --config <file>', 'config of the folder')
    .action((directory: string | undefined, flags: InstanceFlags) =>
      onEither(
        directory,
        flags,
        (commands, options) => commands.routes(options),
        (commands, fallback) => commands.routes({ ...optionsOf(flags), fallback }),
      ),
    )

  instanceCommand('probe', 'say which route a request would take, and why')
    .argument('<method>', 'HTTP method', toMethod)
    .argument('<url>', 'path or absolute URL', toTarget)
    .argument('[dir]', 'folder to ask instead')
    .option('-H, --header <field>', "'name: value', as often as needed", toHeaders)
    .option('--from <address>', 'address of the client')
    .option('-c, --config <file>', 'config of the folder')
    .action((method: string, url: string, directory: string | undefined, flags: ProbeFlags) =>
      onEither(
        directory,
        flags,
        (commands, options) => commands.probe({ ...options, method, url }),
        (commands, fallback) =>
          commands.probe({
            ...optionsOf(flags),
            fallback,
            method,
            url,
            headers: flags.header ?? {},
            ...(flags.from === undefined ? {} : { from: flags.from }),
          }),
      ),
    )

  instanceCommand('status', 'say what an instance serves, and how it is').action(
    (flags: InstanceFlags) =>
      onInstance(optionsOf(flags), (commands, options) => commands.status(options)),
  )

  instanceCommand('upstreams', 'say what upstreams do now, or all that is known of one')
    .argument('[name]', 'upstream, or the bare URI of a route')
    .action((name: string | undefined, flags: InstanceFlags) =>
      onInstance({ ...optionsOf(flags), name: name ?? null }, (commands, options) =>
        commands.upstreams(options),
      ),
    )

  instanceCommand('versions', 'list live versions: state, weight, sunset, share, figures').action(
    (flags: InstanceFlags) =>
      onInstance(optionsOf(flags), (commands, options) => commands.versions(options)),
  )

  instanceCommand('history', 'list the revisions, newest first, and what was refused')
    .option('--limit <number>', 'most rows', toLimit, 20)
    .action((flags: InstanceFlags & { readonly limit: number }) =>
      onInstance({ ...optionsOf(flags), limit: flags.limit }, (commands, options) =>
        commands.history(options),
      ),
    )

  instanceCommand('diff', 'say how one revision becomes another')
    .argument('<from>', 'revision', toRevision)
    .argument('<to>', 'revision', toRevision)
    .action((from: number, to: number, flags: InstanceFlags) =>
      onInstance({ ...optionsOf(flags), from, to }, (commands, options) => commands.diff(options)),
    )

  program.commandsGroup('Change a running instance:')

  const changeCommand = (name: 'plan' | 'publish', description: string): Command =>
    instanceCommand(name, description)
      .argument('[paths...]', 'files of routes, route modules, folders of modules; - reads stdin')
      .option('--remove <object>', 'route:ID, upstream:NAME or module:NAME', toRemovals)
      .option('--based-on <revision>', 'refuse what was touched after this revision', toRevision)
  const changeOf = (paths: readonly string[], flags: ChangeFlags) => ({
    ...optionsOf(flags, paths),
    remove: flags.remove ?? [],
    ...(flags.basedOn === undefined ? {} : { basedOn: flags.basedOn }),
  })
  /** Nothing named is nothing to do: more likely a mistake than a wish. */
  const isEmpty = (paths: readonly string[], flags: ChangeFlags): boolean => {
    if (paths.length > 0 || flags.remove !== undefined) return false
    const reason = 'Name files or folders to publish, or what to --remove.'
    report({ ...optionsOf(flags), json: false }, problem('TURNOUT_USAGE', { reason }))
    exit(exitCodes.usage)
    return true
  }

  changeCommand('plan', 'say what a publish would change, and whether it would be refused').action(
    async (paths: readonly string[], flags: ChangeFlags) => {
      if (isEmpty(paths, flags)) return
      await onInstance(changeOf(paths, flags), (commands, options) => commands.plan(options))
    },
  )

  withReason(changeCommand('publish', 'make all that is named one revision, or nothing of it'))
    .option('--force', 'replace what is there, whoever touched it last')
    .option('--confirm-within <time>', 'take it back unless it is confirmed: 30s, 5m', toDuration)
    .addOption(new Option('--wait <for>', 'what to wait for').choices(['applied']))
    .action(async (paths: readonly string[], flags: ChangeFlags) => {
      if (isEmpty(paths, flags)) return
      const { confirmWithin, wait, force = false } = flags
      const given = {
        ...changeOf(paths, flags),
        ...reasonOf(flags),
        force,
        ...(confirmWithin === undefined ? {} : { confirmWithin }),
        ...(wait === undefined ? {} : { wait }),
      }
      await onInstance(given, (commands, options) => commands.publish(options))
    })

  withReason(instanceCommand('rollback', 'publish an earlier revision again'))
    .argument('[revision]', 'the one before the current by default', toRevision)
    .action((revision: number | undefined, flags: InstanceFlags) =>
      onInstance(
        { ...optionsOf(flags), ...reasonOf(flags), revision: revision ?? null },
        (commands, options) => commands.rollback(options),
      ),
    )

  withReason(instanceCommand('confirm', 'keep a revision that would be taken back'))
    .argument('<revision>', 'revision', toRevision)
    .action((revision: number, flags: InstanceFlags) =>
      onInstance({ ...optionsOf(flags), ...reasonOf(flags), revision }, (commands, options) =>
        commands.confirm(options),
      ),
    )

  addRolloutCommands(program, {
    instanceCommand: commandOf,
    withReason,
    optionsOf,
    reasonOf,
    onInstance,
    exit,
  })

  for (const enabled of [true, false])
    withReason(
      instanceCommand(
        enabled ? 'enable' : 'disable',
        enabled ? 'let routes serve again' : 'let routes serve nothing, whoever owns them',
      ),
    )
      .argument('<ids...>', 'ids of routes')
      .action((routes: readonly string[], flags: InstanceFlags) =>
        onInstance(
          { ...optionsOf(flags), ...reasonOf(flags), routes, enabled },
          (commands, options) => commands.switchRoutes(options),
        ),
      )

  withReason(
    instanceCommand('restart', 'replace the worker processes, one after the other'),
  ).action((flags: InstanceFlags) =>
    onInstance({ ...optionsOf(flags), ...reasonOf(flags) }, (commands, options) =>
      commands.restart(options),
    ),
  )

  instanceCommand('drill', 'put faults in front of routes for a while, and see what breaks')
    .argument('<file>', 'drill (.json, .yaml); - reads stdin')
    .option('--url <url>', 'where probes are sent; where the instance listens by default', toOrigin)
    .option('--report <file>', 'write what came of it: JSON where it ends in .json, else text')
    .action((file: string, flags: DrillFlags) =>
      onInstance(
        {
          ...optionsOf(flags, file === '-' ? [] : [file]),
          file,
          ...(flags.url === undefined ? {} : { url: flags.url }),
          ...(flags.report === undefined ? {} : { reportFile: flags.report }),
        },
        (commands, options) => commands.drill(options),
      ),
    )

  program.commandsGroup('Help:').helpCommand('help [command]', 'print help for a command')
}
