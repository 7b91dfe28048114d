import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { type Problem, problem } from '../core/errors.ts'

/** What to make. */
export interface InitOptions {
  /** Folder for the routes, relative to the working directory. */
  readonly directory: string
  readonly workingDirectory: string
  /** JavaScript instead of TypeScript. */
  readonly javascript: boolean
  /** Also a config beside the folder. */
  readonly config: boolean
}

/** Every file by what happened to it, paths relative to the working directory. */
export type InitResult =
  | {
      readonly ok: true
      readonly files: readonly { readonly file: string; readonly event: 'created' | 'kept' }[]
      /** The folder as it is typed after `turnout dev`. */
      readonly folder: string
    }
  | { readonly ok: false; readonly problem: Problem }

const typescriptModule = `import { defineModule } from 'turnout'

export default defineModule({
  register(routes) {
    routes.get('/hello/:name', (c) => c.text(\`Hello, \${c.param('name')}!\\n\`))
  },
})
`

const javascriptModule = `export default {
  register(routes) {
    routes.get('/hello/:name', (c) => c.text(\`Hello, \${c.param('name')}!\\n\`))
  },
}
`

const typescriptConfig = `import { defineConfig } from 'turnout'

export default defineConfig({
  port: 8080,
})
`

const javascriptConfig = `export default {
  port: 8080,
}
`

/** Makes a folder with one route module, and a config if wanted; never overwrites a file. */
export async function init(options: InitOptions): Promise<InitResult> {
  const { directory, workingDirectory, javascript, config } = options
  const folder = resolve(workingDirectory, directory)
  const isBelow = folder.startsWith(resolve(workingDirectory) + sep)
  const wanted: [string, string][] = [
    javascript
      ? [join(folder, 'hello.js'), javascriptModule]
      : [join(folder, 'hello.ts'), typescriptModule],
  ]
  if (config) {
    const name = join(isBelow ? dirname(folder) : folder, 'turnout.config')
    wanted.push(javascript ? [`${name}.js`, javascriptConfig] : [`${name}.ts`, typescriptConfig])
  }
  const shown = (file: string): string => relative(workingDirectory, file) || '.'
  const files: { file: string; event: 'created' | 'kept' }[] = []
  for (const [file, text] of wanted) {
    try {
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, text, { flag: 'wx' })
      files.push({ file: shown(file), event: 'created' })
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      // `mkdir` says EEXIST too, when a file stands where the folder should be.
      const isThere = code === 'EEXIST' && (error as NodeJS.ErrnoException).syscall === 'open'
      if (!isThere)
        return {
          ok: false,
          problem: problem('TURNOUT_INIT_FAILED', { file: shown(file), reason: message }),
        }
      files.push({ file: shown(file), event: 'kept' })
    }
  }
  return { ok: true, files, folder: shown(folder) }
}
