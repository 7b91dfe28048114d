import type { Listener, ListenOptions } from '../server/node-listener.ts'
import type { Serving, ServingWiring, WorkerStatus } from '../turnout-serving.ts'
import type { ProcessSettings } from './messages.ts'
import { WorkerPool } from './pool.ts'
import { SharedSocket } from './sockets.ts'

export interface ProcessServingOptions extends ServingWiring {
  /** Worker processes. */
  readonly count: number
  readonly process: Pick<ProcessSettings, 'log' | 'data' | 'services'>
}

/** Serves in worker processes: a module that hangs or falls takes one of them along, and no more. */
export class ProcessServing implements Serving {
  readonly worker: WorkerPool
  readonly gateway: null

  constructor({ count, process, settings, log, ...wiring }: ProcessServingOptions) {
    const { onRetired, onUpstream, onWorker } = wiring
    this.gateway = null
    this.worker = new WorkerPool({
      count,
      entry: new URL('./worker-main.js', import.meta.url),
      settings: { ...process, serving: settings },
      log,
      loadTimeoutMs: settings.loadTimeoutMs ?? 5_000,
      onRetired,
      onNotice: (notice) => {
        if (notice.name === 'upstream') onUpstream(notice.data)
      },
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

  replaceAll(reason: string, deadlineMs: number): Promise<void> {
    return this.worker.replaceAll(reason, deadlineMs)
  }

  close(deadlineMs: number): Promise<void> {
    return this.worker.close(deadlineMs)
  }
}
