// A thread beside the one that serves: it sees when that one no longer comes around, and breaks off what holds it up.
import { writeSync } from 'node:fs'
import { Session, type Debugger } from 'node:inspector'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import {
  cell,
  hookName,
  type Finding,
  type Named,
  type Numbered,
  type WatchdogSettings,
} from './marker.ts'

const { cells, thresholdMs, blockedMs, reportFd, parent, ownFiles } = workerData as WatchdogSettings

const tickMs = 50
/** A thread that comes so late was not running itself: neither was the other. */
const lateMs = 500
/** What native code or the collector held up, and goes on then, comes around in this time of the processor. */
const confirmMs = 50
/** So long the frames of a module are looked for, in what runs many short pieces. */
const searchMs = 300
/** What holds up uses the processor for this part of the threshold, at least. */
const leastShare = 0.4
/** The part of the threshold after which a look is opened. */
const lookShare = 0.6
/** Where nothing could be done. */
const lookAgainMs = 1000

const names = new Map<number, Named>()
parentPort!.on('message', ({ number, named }: Numbered) => {
  if (named === null) names.delete(number)
  else names.set(number, named)
})

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
const tell = (finding: Finding): void => parentPort!.postMessage(finding)
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
const beat = (): number => Atomics.load(cells, cell.beat)

/** One time that the serving thread does not come around. */
interface Hold {
  readonly beat: number
  readonly since: number
  readonly cpuMs: number
  isReported: boolean
  isBroken: boolean
  /** Nothing could be done: when to look again. */
  lookAt: number
  /** Opened before it is needed: the serving thread, too, needs time for that. */
  look: Look | null
  /** Where it was seen last. */
  script: string | null
  number: number
}

const newHold = (): Hold => ({
  beat: beat(),
  since: performance.now(),
  cpuMs: cpuMs(),
  isReported: false,
  isBroken: false,
  lookAt: 0,
  look: null,
  script: null,
  number: 0,
})

let hold = newHold()
let tickedAt = performance.now()

const watch = async (): Promise<void> => {
  for (;;) {
    await pause(tickMs)
    if (parent !== null && process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
    const now = performance.now()
    const isLate = now - tickedAt > lateMs
    tickedAt = now
    if (beat() !== hold.beat) tellHeld()
    if (beat() !== hold.beat || isLate || cells[cell.debugged] === 1) {
      hold.look?.close()
      hold = newHold()
    } else if (isStuck(now)) await breakOff()
    else if (now - hold.since >= thresholdMs * lookShare && now >= hold.lookAt)
      hold.look ??= new Look()
  }
}

/** Whoever was not given the processor for a while is not stuck: what holds up uses it, or waits very long. */
const isStuck = (now: number): boolean => {
  const heldMs = now - hold.since
  if (heldMs < thresholdMs || now < hold.lookAt) return false
  return heldMs >= blockedMs || cpuMs() - hold.cpuMs >= thresholdMs * leastShare
}

/** It comes around again: it was broken off, or went on by itself after so long that it must be told. */
const tellHeld = (): void => {
  const ms = Math.round(performance.now() - hold.since)
  const { script, number, isBroken } = hold
  if (isBroken) tell({ kind: 'broken', script, ms })
  else if (ms >= 2 * thresholdMs && (script !== null || number !== 0))
    tell({ kind: 'blocked', script, number, ms })
}

const reportBlocked = (): void => {
  if (hold.isReported) return
  hold.isReported = true
  if (reportFd === null) return
  const ms = Math.round(performance.now() - hold.since)
  const named = names.get(hold.number) ?? null
  try {
    writeSync(reportFd, `${JSON.stringify({ kind: 'blocked', ...named, ms })}\n`)
  } catch {
    // Nobody listens any more.
  }
}

type Frames = readonly {
  readonly id: string
  readonly script: string
  readonly functionName: string
}[]

/**
 * In a frame of Node that runs a timer or a tick: takes it off Node's book of nested callbacks. Node ends the process where the
 * book and the end of a callback do not agree.
 */
const leave = `typeof emitAfter === 'function' && typeof asyncId === 'number' && emitAfter(asyncId)`

/** A look into the serving thread, by the inspector. Open/close. */
class Look {
  readonly #session: Session
  readonly #scripts: Map<string, string>
  #frames: Frames | null
  #onPaused: () => void

  constructor() {
    this.#session = new Session()
    this.#scripts = new Map()
    this.#frames = null
    this.#onPaused = () => undefined
    this.#session.on('Debugger.scriptParsed', ({ params }) =>
      this.#scripts.set(params.scriptId, params.url),
    )
    this.#session.on('Debugger.paused', ({ params }) => {
      this.#frames = params.callFrames.map((frame) => this.#frameOf(frame))
      this.#onPaused()
    })
    this.#session.on('Debugger.resumed', () => {
      this.#frames = null
    })
    this.#session.connectToMainThread()
    this.post('Debugger.enable')
  }

  #frameOf({ callFrameId: id, location, functionName }: Debugger.CallFrame): Frames[number] {
    return { id, script: this.#scripts.get(location.scriptId) ?? '', functionName }
  }

  /** Sends and does not wait: who holds up answers nothing. */
  post(method: string, params: object = {}): void {
    this.#session.post(method, params, () => undefined)
  }

  /** Resolves with the frames once it stands still; null: it comes around again, or the time is up. */
  async stand(deadline: number): Promise<Frames | null> {
    while (this.#frames === null && performance.now() < deadline && beat() === hold.beat) {
      const paused = new Promise<void>((resolve) => {
        this.#onPaused = resolve
      })
      this.post('Debugger.pause')
      await Promise.race([paused, pause(25)])
    }
    return this.#frames
  }

  /** Resolves when it runs again. */
  async resume(): Promise<void> {
    this.post('Debugger.resume')
    for (let turn = 0; turn < 100 && this.#frames !== null; turn += 1) await pause(1)
  }

  /** Ends what runs, from the topmost frame down; what Node would have done at the end of its own is done first. */
  end(frames: Frames): void {
    for (const { id: callFrameId, script } of frames)
      if (script.startsWith('node:'))
        this.post('Debugger.evaluateOnCallFrame', { callFrameId, expression: leave })
    this.post('Runtime.evaluate', { expression: `globalThis[Symbol.for('${hookName}')]?.()` })
    this.post('Runtime.terminateExecution')
    this.post('Debugger.resume')
  }

  close(): void {
    this.post('Debugger.resume')
    this.post('Debugger.disable')
    this.#session.disconnect()
  }
}

/** Code of a module, or of others that nobody of ours called. */
const isTheirs = (frames: Frames): boolean =>
  frames.some(isModule) || (frames.some(isForeign) && !frames.some(isOwn))

const isModule = ({ script }: Frames[number]): boolean => script.startsWith('turnout:')
const isOwn = ({ script }: Frames[number]): boolean => script.startsWith(ownFiles)
const isForeign = (frame: Frames[number]): boolean =>
  !isOwn(frame) && !frame.script.startsWith('node:')

/** A table is being made current: what stops in the middle of it leaves half of it. */
const isApplying = (frames: Frames): boolean =>
  frames.some((frame) => isOwn(frame) && frame.functionName === 'apply')

/** Where it stands; what runs many short pieces is stopped some more times, until one of a module is seen. */
const search = async (look: Look): Promise<Frames | null> => {
  let frames = await look.stand(Math.max(hold.since + blockedMs, performance.now() + searchMs))
  const until = performance.now() + searchMs
  while (frames !== null && !isTheirs(frames) && performance.now() < until) {
    await look.resume()
    frames = (await look.stand(until)) ?? frames
  }
  return frames
}

/** Lets it run on for a moment: it may be on its way out. */
const confirm = async (look: Look): Promise<void> => {
  await look.resume()
  const startedAt = performance.now()
  const used = cpuMs()
  while (beat() === hold.beat && performance.now() - startedAt < 6 * confirmMs) {
    if (cpuMs() - used >= confirmMs && performance.now() - startedAt >= 2 * confirmMs) return
    await pause(5)
  }
}

const breakOff = async (): Promise<void> => {
  const look = hold.look ?? new Look()
  hold.look = null
  hold.number = cells[cell.running] ?? 0
  let isEnded = false
  try {
    const first = await search(look)
    hold.script = first?.find(isModule)?.script ?? null
    if (first !== null && isTheirs(first)) await confirm(look)
    const frames = first === null ? null : await search(look)
    if (beat() !== hold.beat) return
    if (frames === null) return reportBlocked()
    hold.script = frames.find(isModule)?.script ?? hold.script
    if (!isTheirs(frames) && !isTheirs(first!))
      tell({ kind: 'busy', ms: Math.round(performance.now() - hold.since) })
    else if (isApplying(frames)) reportBlocked()
    else {
      isEnded = true
      hold.isBroken = true
      look.end(frames)
      // What queues itself again before it ends is there again: the next look comes at once.
      for (let turn = 0; turn < 20 && beat() === hold.beat; turn += 1) await pause(5)
    }
  } finally {
    look.close()
    tickedAt = performance.now()
    hold.lookAt = isEnded ? 0 : tickedAt + lookAgainMs
  }
}

void watch()
