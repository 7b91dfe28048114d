import type { Command } from 'commander'
import { problem } from '../../core/errors.ts'
import { exitCodes } from '../commands.ts'
import type {
  InstanceCommands,
  InstanceOptions,
  RolloutMove,
  RolloutStartOptions,
  StartSubject,
} from './commands.ts'
import { report } from './reach.ts'

/** Flags that every command of an instance has. */
export interface InstanceFlags {
  readonly json?: boolean
  readonly admin?: string
  readonly data?: string
  readonly reason?: string
}

interface StartFlags extends InstanceFlags {
  readonly route?: string
  readonly upstream?: string
  readonly plan?: string
  readonly follow?: boolean
}

/** What the commands of rollouts need of those around them. */
export interface RolloutTools {
  readonly instanceCommand: (parent: Command, usage: string, description: string) => Command
  readonly withReason: (command: Command) => Command
  readonly optionsOf: (flags: InstanceFlags, named?: readonly string[]) => InstanceOptions
  readonly reasonOf: (flags: InstanceFlags) => { readonly reason?: string }
  readonly onInstance: <Given extends InstanceOptions>(
    options: Given,
    run: (commands: InstanceCommands, options: Given) => Promise<number>,
  ) => Promise<void>
  readonly exit: (code: number) => void
}

const moves: Readonly<Record<RolloutMove, string>> = {
  pause: 'hold a rollout where it stands',
  resume: 'let it go on, past a pause that waits for somebody too',
  promote: 'give the new version all clients, whatever steps are left',
  abort: 'give all clients back to the version before, at once',
}

/** Adds `rollout` with the commands below it. */
export function addRolloutCommands(program: Command, tools: RolloutTools): void {
  const { instanceCommand, withReason, optionsOf, reasonOf, onInstance, exit } = tools
  const rollout = program
    .command('rollout')
    .description('move clients to a new version, step by step, and back when it is bad')

  withReason(instanceCommand(rollout, 'start', 'roll out a version, a route or an upstream'))
    .argument('[version-or-file]', 'NAME@VERSION that is there, or a file of code')
    .option('--route <file>', 'another definition of a route that is there (.json, .yaml, -)')
    .option('--upstream <file>', 'another definition of an upstream')
    .option('--plan <file>', 'plan; a sensible one by default')
    .option('--follow', 'show it until it is over')
    .action(async (word: string | undefined, flags: StartFlags) => {
      const subjects = subjectsOf(word, flags)
      const [subject] = subjects
      if (subject === undefined || subjects.length > 1) {
        const reason = 'Name one thing to roll out: NAME@VERSION, a file, --route or --upstream.'
        report({ ...optionsOf(flags), json: false }, problem('TURNOUT_USAGE', { reason }))
        exit(exitCodes.usage)
        return
      }
      const isFile = subject.text !== '-' && !/@[^/\\]*$/.test(subject.text)
      const given: RolloutStartOptions = {
        ...optionsOf(flags, isFile ? [subject.text] : []),
        ...reasonOf(flags),
        subject,
        ...(flags.plan === undefined ? {} : { planFile: flags.plan }),
        follow: flags.follow === true,
      }
      await onInstance(given, (commands, options) => commands.startRollout(options))
    })

  instanceCommand(rollout, 'status', 'say where rollouts stand, and how both versions do')
    .argument('[id]', 'rollout; those under way by default')
    .option('--follow', 'show it until it is over')
    .action((id: string | undefined, flags: InstanceFlags & { readonly follow?: boolean }) =>
      onInstance(
        { ...optionsOf(flags), id: id ?? null, follow: flags.follow === true },
        (commands, options) => commands.rolloutStatus(options),
      ),
    )

  instanceCommand(rollout, 'list', 'list rollouts, those under way first, then the newest').action(
    (flags: InstanceFlags) =>
      onInstance(optionsOf(flags), (commands, options) => commands.rolloutList(options)),
  )

  for (const move of ['pause', 'resume', 'promote', 'abort'] as const)
    withReason(instanceCommand(rollout, move, moves[move]))
      .argument('<id>', 'rollout')
      .action((id: string, flags: InstanceFlags) =>
        onInstance({ ...optionsOf(flags), ...reasonOf(flags), id, move }, (commands, options) =>
          commands.moveRollout(options),
        ),
      )
}

const subjectsOf = (
  word: string | undefined,
  { route, upstream }: StartFlags,
): readonly StartSubject[] => [
  ...(word === undefined ? [] : [{ kind: 'version-or-code', text: word } as const]),
  ...(route === undefined ? [] : [{ kind: 'route', text: route } as const]),
  ...(upstream === undefined ? [] : [{ kind: 'upstream', text: upstream } as const]),
]
