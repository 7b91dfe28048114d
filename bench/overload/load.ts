// `load.js PORT PHASES`: sends requests at the times that they are due, whether earlier ones are answered or not, each on
// an idle connection or a new one. A phase has a rate and a duration; its rate 0 keeps 32 requests under way instead. Prints
// `phase at what took` for each of them: ms since the start of its phase, its fate, ms from when it was due.
import { connect, type Socket } from 'node:net'

export interface Phase {
  readonly rate: number
  readonly ms: number
}

/** `ok`, `shed`, or `lost`: no answer in time, or none at all. */
export type Fate = 'ok' | 'shed' | 'lost'

const [port, text = '[]'] = process.argv.slice(2)
const phases = JSON.parse(text) as readonly Phase[]
const request = 'GET / HTTP/1.1\r\nHost: bench\r\n\r\n'
const timeoutMs = 2_000
const closedLoop = 32
const idle: Socket[] = []
const lines: string[] = []
let under = 0

interface Asked {
  readonly phase: number
  readonly startedAt: number
  readonly dueAt: number
  readonly onEnd: () => void
}

const asked = new Map<Socket, Asked>()

const settle = (socket: Socket, fate: Fate): void => {
  const one = asked.get(socket)
  if (one === undefined) return
  asked.delete(socket)
  under -= 1
  const took = performance.now() - one.dueAt
  lines.push(`${one.phase} ${(one.dueAt - one.startedAt).toFixed(0)} ${fate} ${took.toFixed(2)}`)
  one.onEnd()
}

const open = (): Socket => {
  const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true })
  let answer = ''
  socket.on('data', (bytes: Buffer) => {
    answer += bytes.toString('latin1')
    const end = answer.indexOf('\r\n\r\n')
    if (end < 0) return
    const length = Number(/content-length: (\d+)/i.exec(answer)?.[1])
    if (answer.length < end + 4 + length) return
    const fate = answer.startsWith('HTTP/1.1 200') ? 'ok' : 'shed'
    const isLast = /connection: close/i.test(answer)
    answer = ''
    if (isLast) socket.destroy()
    else idle.push(socket)
    settle(socket, fate)
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    const at = idle.indexOf(socket)
    if (at >= 0) idle.splice(at, 1)
    settle(socket, 'lost')
  })
  return socket
}

const send = (phase: number, startedAt: number, dueAt: number, onEnd: () => void): void => {
  const socket = idle.pop() ?? open()
  under += 1
  asked.set(socket, { phase, startedAt, dueAt, onEnd })
  socket.write(request)
}

const sweep = setInterval(() => {
  const late = performance.now() - timeoutMs
  for (const [socket, { dueAt }] of asked) if (dueAt < late) socket.destroy()
}, 50)

const run = (phase: number): Promise<void> =>
  new Promise((resolve) => {
    const { rate, ms } = phases[phase]!
    const startedAt = performance.now()
    const endsAt = startedAt + ms
    if (rate === 0) {
      const again = (): void => {
        if (performance.now() < endsAt) send(phase, startedAt, performance.now(), again)
      }
      for (let at = 0; at < closedLoop; at += 1) again()
      setTimeout(resolve, ms)
      return
    }
    let dueAt = startedAt
    const tick = setInterval(() => {
      const now = Math.min(performance.now(), endsAt)
      while (dueAt < now) {
        send(phase, startedAt, dueAt, () => undefined)
        // Arrivals by chance, as those of many clients that know nothing of each other.
        dueAt += (-Math.log(1 - Math.random()) * 1_000) / rate
      }
      if (now < endsAt) return
      clearInterval(tick)
      resolve()
    }, 1)
  })

for (let phase = 0; phase < phases.length; phase += 1) await run(phase)
const doneBy = performance.now() + timeoutMs + 100
const finish = setInterval(() => {
  if (under > 0 && performance.now() < doneBy) return
  clearInterval(finish)
  clearInterval(sweep)
  process.stdout.write(lines.join('\n'), () => process.exit(0))
}, 20)
