import { Agent as HttpAgent, request as httpRequest, type ClientRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { performance } from 'node:perf_hooks'
import type { Probe } from './drill.ts'
import type { ProbeOutcome } from './tally.ts'

/** Probes that are being sent. `stop`, then wait for `settled`, or `cut` those that have no answer yet. */
export interface Sending {
  /** Nothing new is sent. */
  readonly stop: () => void
  /** Resolves, after `stop`, when every probe has ended: each has its own deadline. */
  readonly settled: () => Promise<void>
  /** Ends everything now; what is cut is not counted. */
  readonly cut: () => void
}

interface SendOptions {
  /** Origin of the data port. */
  readonly url: string
  readonly onOutcome: (outcome: ProbeOutcome) => void
  readonly onHeldBack: () => void
}

/** Most probes that wait for their answers. */
const mostWaiting = 512

/** Sends every probe at its own steady rate, whatever becomes of those before: a slow answer slows nothing down. */
export function sendProbes(probes: readonly Probe[], options: SendOptions): Sending {
  const isTls = options.url.startsWith('https:')
  const agent = isTls ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
  const open = isTls ? httpsRequest : httpRequest
  const timers = new Map<Probe, NodeJS.Timeout>()
  const waiting = new Set<ClientRequest>()
  let isStopped = false
  let isCut = false
  let onSettled: (() => void) | null = null

  const send = (probe: Probe, startedAt: number, isAgain = false): void => {
    const { method, url, headers, expect, timeoutMs } = probe
    const request = open(new URL(options.url), { method, path: url, headers, agent })
    waiting.add(request)
    const end = (status: number | null): void => {
      if (!waiting.delete(request)) return
      clearTimeout(deadline)
      const isExpected = status !== null && (expect?.includes(status) ?? status < 500)
      const ms = performance.now() - startedAt
      if (!isCut) options.onOutcome({ status, ms, isFailed: !isExpected })
      if (waiting.size === 0) onSettled?.()
    }
    const deadline = setTimeout(() => {
      end(null)
      request.destroy()
    }, timeoutMs)
    request.on('response', (response) => {
      response.resume()
      response.on('end', () => end(response.statusCode ?? null))
      response.on('error', () => end(null))
      response.on('close', () => end(null))
    })
    request.on('upgrade', (response, socket) => {
      end(response.statusCode ?? null)
      socket.destroy()
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      // The other side gave up an idle connection in the moment that it was used again.
      if (!isAgain && !isCut && request.reusedSocket && error.code === 'ECONNRESET') {
        clearTimeout(deadline)
        send(probe, startedAt, true)
        waiting.delete(request)
      } else end(null)
    })
    request.end()
  }

  const start = (probe: Probe): void => {
    const startedAt = performance.now()
    const everyMs = 1_000 / probe.perSecond
    let due = 0
    const tick = (): void => {
      const now = performance.now()
      for (; startedAt + due * everyMs <= now; due += 1) {
        if (waiting.size >= mostWaiting) options.onHeldBack()
        else send(probe, now)
      }
      timers.set(probe, setTimeout(tick, Math.max(1, startedAt + due * everyMs - now)))
    }
    tick()
  }

  const stop = (): void => {
    isStopped = true
    for (const timer of timers.values()) clearTimeout(timer)
  }
  for (const probe of probes) start(probe)
  return {
    stop,
    settled: async () => {
      if (isStopped && waiting.size > 0) await new Promise<void>((resolve) => (onSettled = resolve))
      agent.destroy()
    },
    cut: () => {
      stop()
      isCut = true
      for (const request of waiting) request.destroy()
      agent.destroy()
    },
  }
}
