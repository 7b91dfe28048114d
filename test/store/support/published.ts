import { digestArtifact, type Artifact } from '../../../src/modules/artifact.ts'
import type { Json } from '../../../src/core/json.ts'
import type { Proposal, StoredObject } from '../../../src/store/store.ts'

/*
 * A history that can be told from its number: revision N puts `newest` and one of ten keys. So a state that was found
 * says which revision it claims to be, and whether it is that one in every byte.
 */

const keys = 10

const valueAt = (number: number): Json => ({
  number,
  text: 'x'.repeat(100 + ((number * 37) % 200)),
})

export function proposalOf(number: number): Proposal {
  const put = [
    { key: `key${number % keys}`, value: valueAt(number) },
    { key: 'newest', value: number },
  ]
  return { number, meta: { author: 'publisher' }, put, remove: [] }
}

export function objectsAt(number: number): StoredObject[] {
  const objects: StoredObject[] = []
  for (let at = Math.max(1, number - keys + 1); at <= number; at += 1)
    objects.push({ key: `key${at % keys}`, value: valueAt(at) })
  return number === 0 ? [] : [...objects, { key: 'newest', value: number }]
}

export function artifactOf(number: number): Artifact {
  const content = {
    script: `return ${number}\n`.repeat(500),
    map: '{}',
    sources: [],
    imports: [],
    parameters: [],
    externals: [],
  }
  return { ...content, digest: digestArtifact(content) }
}
