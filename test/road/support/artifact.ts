import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createBuilder } from '../../../src/modules/build.ts'
import type { Artifact } from '../../../src/modules/artifact.ts'
import { makeFolder, save } from '../../hot/support/served.ts'

/** Text of a module that answers its version. */
export const moduleText = (name: string, version: number, path = `/${name}`): string =>
  `export default {
  name: '${name}',
  version: '${version}.0.0',
  register: (routes) => void routes.get('${path}', (c) => c.text('${name} ${version}')),
}
`

/** The built module. */
export async function artifactOf(name: string, version: number, path?: string): Promise<Artifact> {
  const cleaning: (() => void)[] = []
  const folder = makeFolder({ after: (clean) => void cleaning.push(clean as () => void) })
  const builder = createBuilder()
  try {
    save(folder, `${name}.js`, moduleText(name, version, path))
    const built = await builder.build(join(folder, `${name}.js`))
    if (!built.ok) throw new Error(JSON.stringify(built.problems))
    return built.artifact
  } finally {
    await builder.close()
    rmSync(folder, { recursive: true, force: true })
  }
}
