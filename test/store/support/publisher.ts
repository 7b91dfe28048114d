import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createArtifactFiles } from '../../../src/store/artifacts.ts'
import { listed, openAt } from './folder.ts'
import { objectsAt } from './published.ts'

const file = fileURLToPath(new URL('publisher-main.js', import.meta.url))

/** What a publisher has said so far. */
export interface Said {
  opened: number | null
  begun: number
  published: number
  puts: string[]
  others: string[]
}

export interface Publisher {
  readonly said: Said
  readonly kill: (signal: NodeJS.Signals) => void
  /** Resolves with the signal that ended it, when everything that it said was read. */
  readonly ended: Promise<NodeJS.Signals | null>
}

/** Starts a process that publishes until it is killed. */
export function startPublisher(directory: string, options: object): Publisher {
  const child = spawn(process.execPath, [file, directory, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said: Said = { opened: null, begun: 0, published: 0, puts: [], others: [] }
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    for (const line of lines) {
      const [word, value = ''] = line.split(' ')
      if (word === 'opened') said.opened = Number(value)
      else if (word === 'begun') said.begun = Number(value)
      // Revisions that are on their way together are answered in order.
      else if (word === 'published') said.published = Number(value)
      else if (word === 'put') said.puts.push(value)
      else said.others.push(line)
    }
  })
  const ended = once(child, 'close').then(([, signal]) => signal as NodeJS.Signals | null)
  return { said, kill: (signal) => void child.kill(signal), ended }
}

export interface Found {
  readonly number: number
  readonly isRecovered: boolean
  readonly isTailCut: boolean
}

/**
 * Opens what a publisher left behind: the state is one that was published, byte for byte, and not older than what had
 * been acknowledged. Throws otherwise.
 */
export async function verifyLeft(
  directory: string,
  published: number,
  begun: number,
  puts: readonly string[],
): Promise<Found> {
  const { store, recovery, warnings, verified } = await openAt(directory, {
    keep: { revisions: 60 },
    checkpointBytes: 4000,
  })
  try {
    const state = (await store.read())!
    const objects = listed(state.objects)
    const newest = Number(objects.find(([key]) => key === 'newest')?.[1] ?? 0)
    assert.ok(
      newest >= published,
      `revision ${published} was acknowledged, the newest is ${newest}`,
    )
    assert.ok(newest <= begun, `revision ${newest} was never begun`)
    assert.deepEqual(
      objects,
      listed(objectsAt(newest)),
      `revision ${newest} is not what was published`,
    )
    if (recovery === null) assert.equal(state.number, newest)
    const oldest = recovery === null ? Math.max(1, newest - 50) : newest + 1
    for (let number = oldest; number <= newest; number += 7) {
      const earlier = await store.read(number)
      assert.ok(earlier !== null, `revision ${number} is not kept`)
      assert.deepEqual(listed(earlier.objects), listed(objectsAt(number)))
    }
    const files = await createArtifactFiles(directory, ({ message }) => assert.fail(message))
    for (const digest of puts.slice(-5)) assert.ok(await files.get(digest), 'an artifact is gone')
    await verified
    const isTailCut = warnings.some(({ code }) => code === 'TURNOUT_STORE_TAIL_CUT')
    assert.deepEqual(
      warnings.filter(({ code }) => code !== 'TURNOUT_STORE_TAIL_CUT'),
      [],
    )
    return { number: newest, isRecovered: recovery !== null, isTailCut }
  } finally {
    await store.close()
  }
}
