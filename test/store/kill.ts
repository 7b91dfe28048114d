import assert from 'node:assert/strict'
import { makeFolder } from './support/folder.ts'
import { startPublisher, verifyLeft } from './support/publisher.ts'

const places = [
  'store.beforeWrite',
  'store.partialWrite',
  'store.afterWrite',
  'store.afterSync',
  'checkpoint.beforeWrite',
  'checkpoint.afterWrite',
  'checkpoint.afterSync',
  'checkpoint.afterRename',
  'artifact.beforeWrite',
  'artifact.afterWrite',
  'artifact.afterSync',
  'artifact.afterRename',
] as const

/**
 * Kills a publisher at each place in turn, always going on with what the one before left. Returns what was seen: at
 * which places it was killed, and how often more than what was acknowledged was there, or a torn write.
 */
export async function killEverywhere(kills: number): Promise<string> {
  const directory = makeFolder()
  const killedAt = new Map<string, number>()
  let number = 0
  let unacknowledged = 0
  let tails = 0
  for (let round = 0; round < kills; round += 1) {
    const failpoint = places[round % places.length]!
    // A checkpoint comes after some twenty revisions.
    const at = 1 + Math.floor(Math.random() * (failpoint.startsWith('checkpoint') ? 3 : 40))
    const { said, ended } = startPublisher(directory, {
      failpoint,
      at,
      together: 1 + Math.floor(Math.random() * 4),
    })
    assert.equal(await ended, 'SIGKILL', said.others.join('\n'))
    assert.equal(said.opened, number, 'another state than was left')
    assert.deepEqual(said.others, [])
    const published = Math.max(number, said.published)
    const found = await verifyLeft(directory, published, Math.max(number, said.begun), said.puts)
    assert.equal(found.isRecovered, false, 'a kill is no damage')
    if (found.number > published) unacknowledged += 1
    if (found.isTailCut) tails += 1
    number = found.number
    killedAt.set(failpoint, (killedAt.get(failpoint) ?? 0) + 1)
  }
  assert.equal(killedAt.size, Math.min(kills, places.length))
  assert.ok(tails > 0, 'no write was torn: the harness shows nothing')
  return `${kills} kills at ${killedAt.size} places, ${number} revisions, 0 acknowledged lost, ${unacknowledged} times an unacknowledged one was wholly there, ${tails} torn writes cut off`
}
