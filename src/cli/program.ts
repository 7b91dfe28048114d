import { Command, CommanderError, Option } from 'commander'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Problem, problem } from '../core/errors.ts'
import type { LogLevel } from '../core/logger.ts'
import { type Commands, type FolderOptions, type Terminal, exitCodes } from './commands.ts'
import {
  toLane,
  toAccessLog,
  toMs,
  toPlace,
  toPort,
  toServices,
  toWords,
  toWorkers,
  type Place,
} from './convert.ts'
import { findFolder } from './folder.ts'
import { init } from './init.ts'
import type { InstanceCommands } from './instance/commands.ts'
import { addInstanceCommands } from './instance/program.ts'
import { printEvent } from './print-json.ts'
import { printProblem } from './print-problem.ts'

/** What the command line stands on; `main.ts` gives the real ones. */
export interface ProgramContext {
  readonly terminal: Terminal
  readonly version: string
  /** Called by the commands that need a gateway, so that the others start quickly. */
  readonly loadCommands: () => Promise<Commands>
  /** Called by the commands that ask a running instance: they need no gateway. */
  readonly loadInstanceCommands: () => Promise<InstanceCommands>
}

const DEFAULT_FOLDER = 'routes'

interface SharedFlags {
  readonly config?: string
  readonly json?: boolean
}

interface ServeFlags extends SharedFlags {
  readonly admin?: Place | 'off'
  readonly data?: string
  readonly health?: Place | 'off'
  readonly healthMetrics?: boolean
  readonly host?: string
  readonly port?: number
  readonly lane?: 'fast' | 'safe'
  readonly logLevel?: LogLevel
  readonly accessLog?: boolean | number
  readonly probation?: boolean
  readonly settle?: number
  readonly workers?: number
}

interface ImportFlags {
  readonly out?: string
  readonly profile?: readonly string[]
  readonly env?: boolean
  readonly service?: Readonly<Record<string, readonly string[]>>
  readonly json?: boolean
}

/** Runs one command line (the words behind `turnout`) and gives its exit code; throws only on a defect. */
export async function runProgram(
  words: readonly string[],
  { terminal, version, loadCommands, loadInstanceCommands }: ProgramContext,
): Promise<number> {
  let exitCode: number = exitCodes.ok
  const { environment, workingDirectory } = terminal

  const refuse = (found: Problem, code: number): number => {
    terminal.err(printProblem(found, terminal.paintErr))
    return code
  }
  const fromEnvironment = <Value>(
    name: string,
    convert: (text: string) => Value,
  ): Value | undefined => {
    const text = environment[name]
    if (text === undefined || text === '') return undefined
    try {
      return convert(text)
    } catch {
      const reason = `The environment variable ${name} is no usable value: ${text}`
      throw new CommanderError(exitCodes.usage, 'turnout.environment', reason)
    }
  }

  const program = new Command('turnout')
    .description(
      'Changes the routes of a live HTTP server: serves a folder of route modules, and changes what runs.',
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .option('--no-color', 'no colours')
    .showHelpAfterError('Run `turnout --help` for the commands and their options.')
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .exitOverride()

  const onFolder = async (
    named: string,
    flags: SharedFlags,
    run: (commands: Commands, options: FolderOptions) => Promise<number>,
  ): Promise<number> => {
    const names = program.commands.map((command) => command.name())
    const found = findFolder(named, workingDirectory, names)
    if (!found.ok) return refuse(found.problem, exitCodes.usage)
    const { config, json = false } = flags
    return run(await loadCommands(), {
      terminal,
      directory: found.directory,
      json,
      ...(config === undefined ? {} : { config }),
    })
  }

  const folderCommand = (usage: string, description: string): Command =>
    program
      .command(usage)
      .description(description)
      .option('-c, --config <file>', 'config to read instead of the one that is found')
      .option('--json', 'one JSON object a line')

  program.commandsGroup('Serve a folder:')

  program
    .command('init')
    .description('write a small folder of route modules; nothing is overwritten')
    .argument('[dir]', 'folder to make', DEFAULT_FOLDER)
    .option('--js', 'JavaScript instead of TypeScript')
    .option('--with-config', 'also write a config')
    .option('--json', 'one JSON object a line')
    .action(
      async (
        directory: string,
        flags: { readonly js?: boolean; readonly withConfig?: boolean; readonly json?: boolean },
      ) => {
        const result = await init({
          directory,
          workingDirectory,
          javascript: flags.js === true,
          config: flags.withConfig === true,
        })
        if (!result.ok) {
          exitCode = refuse(result.problem, exitCodes.failed)
          return
        }
        const { files, folder } = result
        if (flags.json === true) {
          for (const { event, file } of files) terminal.out(printEvent({ event, file }))
          return
        }
        const { paintOut } = terminal
        for (const { event, file } of files)
          terminal.out(
            `  ${paintOut(event === 'created' ? 'green' : 'yellow', event.padEnd(7))}  ${file}\n`,
          )
        const shown = /^[\w./\\:-]+$/.test(folder) ? folder : JSON.stringify(folder)
        const argument = folder === DEFAULT_FOLDER ? '' : ` ${shown}`
        terminal.out(
          `\n  Next:\n    npx turnout dev${argument}\n    curl localhost:8080/hello/world\n`,
        )
      },
    )

  for (const command of ['dev', 'serve'] as const)
    folderCommand(
      command,
      command === 'dev'
        ? 'serve a folder while you edit it'
        : 'serve a folder; a change to it goes live with no restart',
    )
      .argument('[dir]', 'folder of route modules', DEFAULT_FOLDER)
      .option('--host <address>', 'address to listen on (HOST)')
      .option('-p, --port <number>', 'port to listen on, 0 for a free one (PORT)', toPort)
      .option('--settle <ms>', 'quiet time after the last file event', toMs)
      .option(
        '--workers <number>',
        'worker processes; 0: this process serves (TURNOUT_WORKERS)',
        toWorkers,
      )
      .option(
        '--lane <name>',
        'who reads ordinary requests: fast for Turnout, safe for node:http (TURNOUT_LANE)',
        toLane,
      )
      .option('--probation', 'watch each change and take back one that makes things worse')
      .option('--no-probation', 'do not (default of dev)')
      .option(
        '--admin <host:port>',
        'where the admin API listens, or off (TURNOUT_ADMIN_LISTEN)',
        toPlace,
      )
      .option(
        '--health <host:port>',
        'where /healthz and /readyz alone are answered, or off (TURNOUT_HEALTH_LISTEN)',
        toPlace,
      )
      .option('--health-metrics', 'answer /metrics there too, without a token')
      .option('--data <dir>', 'folder of revisions, artifacts and tokens')
      .addOption(
        new Option('--log-level <level>', 'quietest level that is logged').choices([
          'debug',
          'info',
          'warn',
          'error',
        ]),
      )
      .option(
        '--access-log <share>',
        'which requests are logged: on, off, or a share from 0 to 1',
        toAccessLog,
      )
      .action(async (directory: string, flags: ServeFlags) => {
        const host = flags.host ?? fromEnvironment('HOST', String)
        const port = flags.port ?? fromEnvironment('PORT', toPort)
        const workers = flags.workers ?? fromEnvironment('TURNOUT_WORKERS', toWorkers)
        const lane = flags.lane ?? fromEnvironment('TURNOUT_LANE', toLane)
        const admin =
          flags.admin === undefined ? fromEnvironment('TURNOUT_ADMIN_LISTEN', toPlace) : flags.admin
        const health = flags.health ?? fromEnvironment('TURNOUT_HEALTH_LISTEN', toPlace)
        exitCode = await onFolder(directory, flags, (commands, options) =>
          commands.serve({
            ...options,
            command,
            ...(host === undefined ? {} : { host }),
            ...(port === undefined ? {} : { port }),
            ...(flags.settle === undefined ? {} : { settleMs: flags.settle }),
            ...(workers === undefined ? {} : { workers }),
            ...(lane === undefined ? {} : { lane }),
            ...(flags.probation === undefined ? {} : { probation: flags.probation }),
            ...(admin === undefined ? {} : { admin: admin === 'off' ? null : admin }),
            ...(health === undefined ? {} : { health: health === 'off' ? null : health }),
            ...(flags.healthMetrics === undefined ? {} : { healthMetrics: flags.healthMetrics }),
            ...(flags.data === undefined ? {} : { data: resolve(workingDirectory, flags.data) }),
            ...(flags.logLevel === undefined ? {} : { logLevel: flags.logLevel }),
            ...(flags.accessLog === undefined ? {} : { accessLog: flags.accessLog }),
          }),
        )
      })

  folderCommand('check', 'build and check a folder without serving it')
    .argument('[dir]', 'folder of route modules', DEFAULT_FOLDER)
    .action(async (directory: string, flags: SharedFlags) => {
      exitCode = await onFolder(directory, flags, (commands, options) => commands.check(options))
    })

  program.commandsGroup('Move in:')

  program
    .command('import')
    .description('make a table for publish of routes of Spring Cloud Gateway')
    .argument('<file>', 'application.yml, or a dump of the actuator; - is standard input')
    .option(
      '-o, --out <file>',
      'file to write, which must not be there; standard output by default',
    )
    .option('--profile <name>', 'a profile that is active; may be given again', toWords)
    .option('--env', 'fill in placeholders from the environment')
    .option(
      '--service <name=urls>',
      'endpoints of a service behind lb://; may be given again',
      toServices,
    )
    .option('--json', 'one JSON object a line')
    .action(async (file: string, flags: ImportFlags) => {
      const { importFile } = await import('./import/import.ts')
      exitCode = await importFile({
        terminal,
        file,
        ...(flags.out === undefined ? {} : { out: flags.out }),
        json: flags.json === true,
        profiles: flags.profile ?? [],
        isFilling: flags.env === true,
        services: flags.service ?? {},
      })
    })

  addInstanceCommands(program, {
    terminal,
    defaultFolder: DEFAULT_FOLDER,
    loadInstanceCommands,
    onFolder,
    exit: (code) => {
      exitCode = code
    },
  })

  if (words.length === 0) {
    terminal.out(program.helpInformation())
    return exitCodes.ok
  }
  try {
    await program.parseAsync(words, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return exitCodes.ok
    if (error.code === 'turnout.environment')
      return refuse(problem('TURNOUT_USAGE', { reason: error.message }), exitCodes.usage)
    const folder = words[0]
    if (
      error.code === 'commander.unknownCommand' &&
      folder &&
      existsSync(resolve(join(workingDirectory, folder)))
    )
      terminal.err(`To serve the folder ${folder}: turnout serve ${folder}\n`)
    return exitCodes.usage
  }
  return exitCode
}
