import { totalmem } from 'node:os'
import type { Readings } from '../core/metrics/series.ts'
import type { RetiredFacts } from '../core/leak.ts'
import { resourcesOf, type ResourceName } from '../core/protect/resources.ts'
import type { Listener, ListenOptions } from '../server/node-listener.ts'
import type { Serving, ServingWiring, WorkerStatus } from '../turnout-serving.ts'
import { shareOfMemory } from './memory.ts'
import type { ProcessSettings } from './messages.ts'
import { WorkerPool } from './pool.ts'
import { SharedSocket } from './sockets.ts'
import { OwnPressure } from '../worker/resources/resources.ts'

export interface ProcessServingOptions extends ServingWiring {
  /** Worker processes. */
  readonly count: number
  /** Resident memory past which one is replaced; null: its share of what the container may have. */
  readonly memoryBytes: number | null
  readonly process: Pick<ProcessSettings, 'log' | 'data' | 'services'>
}

/** Serves in worker processes: a module that hangs or falls takes one of them along, and no more. */
export class ProcessServing implements Serving {
  readonly worker: WorkerPool
  readonly gateway: null
  readonly #own: OwnPressure | null

  constructor({
    count,
    memoryBytes,
    process: shared,
    settings,
    log,
    ...wiring
  }: ProcessServingOptions) {
    const { onRetired, onUpstream, onWorker, onOffence, onResource, onLeak } = wiring
    const resources = resourcesOf(settings.resources)
    this.#own = resources === null ? null : new OwnPressure(resources, onResource)
    this.gateway = null
    this.worker = new WorkerPool({
      count,
      entry: new URL('./worker-main.js', import.meta.url),
      settings: { ...shared, serving: settings },
      log,
      loadTimeoutMs: settings.loadTimeoutMs ?? 5_000,
      drainMs: settings.streamDrainMs ?? 300_000,
      memoryBytes:
        memoryBytes ?? shareOfMemory(count, process.constrainedMemory?.() ?? 0, totalmem()),
      onRetired,
      onNotice: (notice) => {
        if (notice.name === 'upstream') onUpstream(notice.data)
        else if (notice.name === 'offence') onOffence(notice.data.offence, notice.data.fields)
        else if (notice.name === 'resource') onResource(notice.data)
        else if (notice.name === 'leak') onLeak(notice.data.whose, notice.data.leak)
      },
      onOffence: (offence) => onOffence(offence, {}),
      onEvent: onWorker,
    })
  }

  open(): Promise<void> {
    return this.worker.open()
  }

  async listen(place: ListenOptions): Promise<Listener> {
    const socket = await SharedSocket.bind(place)
    try {
      await this.worker.listen(socket)
    } catch (error) {
      socket.close()
      throw error
    }
    const { host, port, url } = socket
    return {
      host,
      port,
      url,
      renewCertificate: () => this.worker.renewCertificate(socket.key),
      close: async (deadlineMs) => {
        socket.close()
        return this.worker.unlisten(socket, deadlineMs)
      },
    }
  }

  keepOut(port: number): void {
    this.worker.keepOut(port)
  }

  workers(): readonly WorkerStatus[] {
    return this.worker.status()
  }

  readings(): Promise<Readings> {
    return this.worker.readings()
  }

  retired(): readonly RetiredFacts[] {
    return this.worker.retired()
  }

  shortOf(): readonly (readonly ResourceName[])[] {
    return this.worker.shortOf()
  }

  ownShortage(): readonly ResourceName[] {
    return this.#own?.over ?? []
  }

  /** Each worker has its own: `workers` tells. */
  overload(): null {
    return null
  }

  replaceAll(reason: string, deadlineMs: number): Promise<void> {
    return this.worker.replaceAll(reason, deadlineMs)
  }

  close(deadlineMs: number): Promise<void> {
    this.#own?.close()
    return this.worker.close(deadlineMs)
  }
}
