import { randomUUID } from 'node:crypto'
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Artifact } from './artifact.ts'
import type { Inspector, RehearsalReply, RehearsalRequest } from './rehearsal-messages.ts'
import type { RehearseOutcome } from './rehearsal.ts'

/** How one rehearsal ended, as the parent saw it. */
export type RehearsalEnd =
  | { readonly kind: 'done'; readonly outcome: RehearseOutcome; readonly isClean: boolean }
  | { readonly kind: 'timeout'; readonly reason: string }
  | { readonly kind: 'crashed'; readonly reason: string; readonly output: string }

/** A child process seen from its parent; one rehearsal at a time. */
export interface RehearsalChild {
  readonly rehearse: (artifact: Artifact, file: string, context: unknown) => Promise<RehearsalEnd>
  readonly rehearsals: () => number
  readonly kill: () => void
  /** Resolves with how the process ended; never rejects. */
  readonly ended: Promise<string>
}

/** How long a child has to answer a ping before it counts as looping. */
const pingMs = 500
/** How much of a child's output is kept for a report. */
const keptOutput = 8 * 1024

// The file's own extension: sources run directly on newer Nodes, the package is compiled.
const script = fileURLToPath(
  new URL(
    `./rehearsal-main${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`,
    import.meta.url,
  ),
)

/** Starts a child that waits for its first rehearsal. It never keeps this process alive by itself. */
export function openChild(
  inspector: Inspector,
  timeoutMs: number,
  environment: 'own' | 'empty' = 'own',
): RehearsalChild {
  const child = fork(script, [inspector.module.href, inspector.export, String(timeoutMs)], {
    // A debugger's port cannot be shared, and a module must not be tried under other flags than it runs.
    execArgv: [],
    env: environment === 'empty' ? {} : childEnvironment(process.env),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    serialization: 'json',
  })
  let output = ''
  let count = 0
  let onReply: (reply: RehearsalReply) => void = () => undefined
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8')
    stream?.on('data', (text: string) => {
      output = (output + text).slice(-keptOutput)
    })
    stream?.on('error', () => undefined)
  }
  const ready = new Promise<void>((go) => {
    child.on('message', (message) => {
      const reply = message as RehearsalReply | null
      if (reply?.kind === 'ready') go()
      else if (isReply(reply)) onReply(reply)
    })
  })
  const ended = new Promise<string>((end) => {
    child.once('error', (error) => end(`it could not be started: ${error.message}`))
    // `close` and not `exit`: by then all its output has been read.
    child.once('close', (code, signal) => end(describeExit(code, signal)))
  })
  setReferences(child, false)

  return {
    ended,
    rehearsals: () => count,
    kill: () => {
      // Whoever waits for its end must not see the process run out of work, and exit, before it came.
      setReferences(child, true)
      child.kill('SIGKILL')
    },
    rehearse: async (artifact, file, context) => {
      count += 1
      output = ''
      setReferences(child, true)
      let step = 'its import'
      let timer: NodeJS.Timeout | undefined
      try {
        await Promise.race([ready, ended])
        return await new Promise<RehearsalEnd>((end) => {
          const stuck = (how: string): void => end({ kind: 'timeout', reason: `${step} ${how}` })
          const id = randomUUID()
          onReply = (reply) => {
            if ('id' in reply && reply.id !== id) return
            if (reply.kind === 'imported') step = 'its register step'
            else if (reply.kind === 'pong') stuck('waits for something that does not come')
            else if (reply.kind === 'done') end(reply)
          }
          timer = setTimeout(() => {
            timer = setTimeout(() => stuck('is in an endless loop'), pingMs)
            send(child, { kind: 'ping' })
          }, timeoutMs)
          void ended.then((reason) => end({ kind: 'crashed', reason, output: lastLines(output) }))
          send(child, { kind: 'rehearse', id, artifact, file, context })
        })
      } finally {
        clearTimeout(timer)
        onReply = () => undefined
        setReferences(child, false)
      }
    },
  }
}

/** Module code may send messages of its own to whoever it believes its parent to be. */
const isReply = (reply: RehearsalReply | null): reply is RehearsalReply =>
  reply !== null && ['imported', 'pong', 'done'].includes(reply.kind)

/** A child that is gone cannot be sent to; its `close` event tells the rest. */
function send(child: ChildProcess, request: RehearsalRequest): void {
  if (child.connected) child.send(request, () => undefined)
}

function setReferences(child: ChildProcess, isKept: boolean): void {
  const streams = [child.stdout, child.stderr] as unknown as (NodeJS.RefCounted | null)[]
  for (const handle of [child, child.channel, ...streams]) {
    if (isKept) handle?.ref?.()
    else handle?.unref?.()
  }
}

function describeExit(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `it exited with code ${code}` : `it was ended by ${signal}`
}

const lastLines = (text: string): string => text.trimEnd().split('\n').slice(-20).join('\n')

/** The parent's environment without its debugger. */
export function childEnvironment(from: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: options, NODE_CHANNEL_FD: _, ...rest } = from
  if (options === undefined) return rest
  // Values may stand in double quotes with spaces in them.
  const words = options.match(/(?:"(?:[^"\\]|\\.)*"|\S)+/g) ?? []
  const isDebugger = (word: string | undefined): boolean => /^--inspect(-|=|$)/.test(word ?? '')
  const takesNext = (word: string | undefined): boolean =>
    /^--inspect-(port|publish-uid)$/.test(word ?? '')
  const kept = words.filter((word, index) => !isDebugger(word) && !takesNext(words[index - 1]))
  return { ...rest, NODE_OPTIONS: kept.join(' ') }
}
