import { editOf } from '../../src/control/change.ts'
import { Publisher } from '../../src/control/publisher.ts'
import { silentLogger } from '../../src/core/logger.ts'
import type { Route } from '../../src/core/route/route.ts'
import { openLocalStore } from '../../src/store/local.ts'
import { InProcessWorker } from '../../src/worker/in-process.ts'
import { routeAt } from './routes.ts'

const perChange = 5_000

/** A publisher on the local store of a folder, as `serve` has it, with nothing in front. Open, then `close`. */
export async function openPublisher(directory: string): Promise<{
  readonly publisher: Publisher
  readonly close: () => Promise<void>
}> {
  const { store, idle } = await openLocalStore({
    directory,
    onWarning: ({ message }) => console.log(`warning: ${message}`),
  })
  const worker = new InProcessWorker({
    services: () => Promise.resolve({}),
    log: silentLogger,
    drainMs: 1_000,
    streamDrainMs: 1_000,
    onRetired: () => undefined,
  })
  const publisher = new Publisher({
    worker,
    store,
    keep: 1_000,
    conflicts: 'ambiguous',
    onApplied: () => undefined,
    onRejected: (_, rejections) => {
      throw new Error(JSON.stringify(rejections))
    },
  })
  await publisher.resume()
  return {
    publisher,
    close: async () => {
      await publisher.close()
      await idle()
      await worker.close(0)
      await store.close()
    },
  }
}

/**
 * Makes a data folder with so many routes by the road of a change, in process: through the API it would take bodies of
 * 1 MiB.
 */
export async function fillDataFolder(
  directory: string,
  count: number,
  make: (at: number) => Route = (at) => routeAt(at, 'v0'),
): Promise<void> {
  const { publisher, close } = await openPublisher(directory)
  for (let from = 0; from < count; from += perChange) {
    const length = Math.min(perChange, count - from)
    const routes = Array.from({ length }, (_, at) => make(from + at))
    const items = [editOf('admin', routes, [])]
    await publisher.change({ author: 'bench', reason: 'fill', isPartial: false, items })
  }
  await close()
}
