import assert from 'node:assert/strict'
import {
  existsSync,
  readFileSync,
  readdirSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Problem } from '../../src/core/errors.ts'
import { failpoints } from '../../src/core/failpoint.ts'
import { digestArtifact, type Artifact } from '../../src/modules/artifact.ts'
import { createArtifactFiles } from '../../src/store/artifacts.ts'
import { makeFolder } from './support/folder.ts'

const quiet = ({ message }: Problem): void => assert.fail(message)

const artifactOf = (script: string): Artifact => {
  const content = {
    script,
    map: '{"version":3}',
    sources: ['users.ts'],
    imports: [],
    parameters: [{ name: 'exports', gives: 'exports' } as const],
    externals: [{ specifier: 'zod', version: '4.0.0' }, { specifier: 'gone' }],
  }
  return { ...content, digest: digestArtifact(content) }
}

describe('artifacts on the disk', () => {
  it('are there for the next process, with mode 0600', async () => {
    const directory = makeFolder()
    const artifact = artifactOf('return 1')
    const files = await createArtifactFiles(directory, quiet)
    await Promise.all([files.put(artifact), files.put(artifact)])
    const again = await createArtifactFiles(directory, quiet)
    assert.deepEqual(await again.get(artifact.digest), artifact)
    const path = join(directory, 'artifacts', `${artifact.digest}.json`)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.equal(statSync(join(directory, 'artifacts')).mode & 0o777, 0o700)
  })

  it('are null where there is none, and nothing else is read', async () => {
    const directory = makeFolder()
    writeFileSync(join(directory, 'secret.json'), '{}')
    const files = await createArtifactFiles(directory, quiet)
    for (const digest of ['0'.repeat(64), '../secret', '', 'A'.repeat(64)])
      assert.equal(await files.get(digest), null)
  })

  const damages: Readonly<Record<string, (path: string) => void>> = {
    truncated: (path) => truncateSync(path, 20),
    empty: (path) => truncateSync(path, 0),
    edited: (path) =>
      writeFileSync(path, readFileSync(path, 'utf8').replace('return 1', 'return 2')),
    'of another digest': (path) => writeFileSync(path, JSON.stringify(artifactOf('return 3'))),
    'no artifact': (path) => writeFileSync(path, 'null'),
  }
  for (const [kind, damage] of Object.entries(damages))
    it(`${kind}: never handed out, moved aside, and may be put again`, async () => {
      const directory = makeFolder()
      const problems: Problem[] = []
      const files = await createArtifactFiles(directory, (problem) => problems.push(problem))
      const artifact = artifactOf('return 1')
      await files.put(artifact)
      damage(join(directory, 'artifacts', `${artifact.digest}.json`))
      assert.equal(await files.get(artifact.digest), null)
      assert.deepEqual(
        problems.map(({ code }) => code),
        ['TURNOUT_ARTIFACT_DAMAGED'],
      )
      assert.equal(readdirSync(join(directory, 'artifacts/damaged')).length, 1)
      await files.put(artifact)
      assert.deepEqual(await files.get(artifact.digest), artifact)
    })

  it('with a digest that is not theirs are refused', async () => {
    const files = await createArtifactFiles(makeFolder(), quiet)
    const artifact = { ...artifactOf('return 1'), digest: '0'.repeat(64) }
    await assert.rejects(files.put(artifact), { code: 'TURNOUT_ARTIFACT_DAMAGED' })
  })

  it('that no history names are deleted', async () => {
    const directory = makeFolder()
    const files = await createArtifactFiles(directory, quiet)
    const [kept, dropped] = [artifactOf('return 1'), artifactOf('return 2')]
    await files.put(kept)
    await files.put(dropped)
    await files.keepOnly(new Set([kept.digest]))
    assert.deepEqual(await files.get(kept.digest), kept)
    assert.equal(await files.get(dropped.digest), null)
  })

  for (const arrow of ['beforeWrite', 'afterWrite', 'afterSync', 'afterRename'])
    it(`that fail at ${arrow} are wholly there or not`, async () => {
      const directory = makeFolder()
      const files = await createArtifactFiles(directory, quiet)
      const artifact = artifactOf('return 1')
      failpoints.reach = (name) => {
        if (name === `artifact.${arrow}`) throw new Error('EIO')
      }
      try {
        await assert.rejects(files.put(artifact), { code: 'TURNOUT_STORE_FAILED' })
      } finally {
        failpoints.reach = null
      }
      const path = join(directory, 'artifacts', `${artifact.digest}.json`)
      assert.equal(existsSync(path), arrow === 'afterRename')
      await files.put(artifact)
      assert.deepEqual(await files.get(artifact.digest), artifact)
    })
})
