// Publishes revision after revision and says which ones were acknowledged, until it is killed. Arguments: the folder,
// and what is to be different: {"failpoint": NAME, "at": COUNT} kills it there, {"noSync": true} leaves out every sync.
import { writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { failpoints } from '../../../src/core/failpoint.ts'
import { createArtifactFiles } from '../../../src/store/artifacts.ts'
import { openLocalStore } from '../../../src/store/local.ts'
import { artifactOf, objectsAt, proposalOf } from './published.ts'

const [directory, text] = process.argv.slice(2) as [string, string]
const options = JSON.parse(text) as {
  readonly failpoint?: string
  readonly at?: number
  readonly noSync?: boolean
  readonly together?: number
}

const say = (line: string): void => void writeSync(1, `${line}\n`)

if (options.noSync === true) {
  const handle = await open(process.execPath, 'r')
  const prototype = Object.getPrototypeOf(handle) as Record<'sync' | 'datasync', unknown>
  await handle.close()
  prototype.sync = async () => undefined
  prototype.datasync = async () => undefined
}

const { store, recovery } = await openLocalStore({
  directory,
  keep: { revisions: 60, days: 30 },
  checkpointBytes: 4000,
  onWarning: ({ message }) => say(`warning ${message}`),
})
const artifacts = await createArtifactFiles(directory, ({ message }) => say(`warning ${message}`))
if (recovery !== null) say(`recovery ${recovery.message}`)
let { number } = (await store.read())!
say(`opened ${number}`)

let reached = 0
if (options.failpoint !== undefined)
  failpoints.reach = (name) => {
    if (name !== options.failpoint) return
    reached += 1
    if (reached === options.at) process.kill(process.pid, 'SIGKILL')
  }

const publishNext = async (): Promise<void> => {
  number += 1
  const mine = number
  say(`begun ${mine}`)
  const result = await store.publish(proposalOf(mine), () => objectsAt(mine))
  if (!result.ok) throw new Error(`revision ${mine} was taken by ${result.number}`)
  say(`published ${mine}`)
}

for (;;) {
  const artifact = artifactOf(number)
  await artifacts.put(artifact)
  say(`put ${artifact.digest}`)
  await Promise.all(Array.from({ length: options.together ?? 3 }, publishNext))
}
