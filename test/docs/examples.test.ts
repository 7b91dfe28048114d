import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { PageRun, blocksOf } from './page.ts'
import { root } from './root.ts'

const pagesIn = (folder: string): string[] =>
  readdirSync(new URL(folder, root))
    .filter((name) => name.endsWith('.md'))
    .map((name) => folder + name)

const pages = ['README.md', ...pagesIn('docs/guide/'), ...pagesIn('docs/reference/')]
/** Reference pages also show data; elsewhere every block says what it is. */
const isExample = (page: string, language: string): boolean =>
  !page.startsWith('docs/reference/') || ['ts', 'js', 'console', 'yaml'].includes(language)

for (const page of pages) {
  const text = readFileSync(new URL(page, root), 'utf8')
  const blocks = blocksOf(text).filter(
    ({ language, marker }) => isExample(page, language) || marker !== null,
  )
  if (blocks.length === 0) continue

  test(`${page}: the examples run and answer as shown`, async (t) => {
    const run = new PageRun(page.replaceAll(/\W/g, '-'))
    t.after(() => run.close())
    if (page === 'README.md') {
      // What a reader's own run left beside the example is no part of it.
      const filter = (path: string): boolean => !path.endsWith('.turnout')
      cpSync(new URL('examples', root), `${run.folder}/examples`, { recursive: true, filter })
    }
    for (const { line, marker, text } of blocks) {
      const [, kind, rest] = /^(file|run|not run)(?:: (.+))?$/.exec(marker ?? '') ?? []
      assert.ok(
        kind !== undefined,
        `${page}:${line} has no marker: <!-- file: NAME -->, <!-- run --> or <!-- not run: WHY -->`,
      )
      if (kind === 'not run') t.diagnostic(`not run: ${page}:${line} (${rest ?? 'no reason'})`)
      else if (kind === 'file') await run.write(rest ?? '', text)
      else await run.run(text)
    }
  })

  test(`${page}: its links lead somewhere`, () => {
    for (const [, link] of text.matchAll(/\]\((?!https?:)([^)#]*)(?:#[^)]*)?\)/g)) {
      assert.ok(link === '' || existsSync(new URL(link!, new URL(page, root))), link)
    }
  })
}

test('the TypeScript of the examples has the right types', () => {
  const config = {
    compilerOptions: {
      target: 'es2023',
      lib: ['es2023'],
      types: ['node'],
      module: 'nodenext',
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      allowImportingTsExtensions: true,
      rootDir: '../..',
    },
    include: ['**/*.ts'],
  }
  const folder = fileURLToPath(new URL('dist/docs/', root))
  writeFileSync(`${folder}tsconfig.json`, JSON.stringify(config))
  const tsc = fileURLToPath(new URL('node_modules/typescript/bin/tsc', root))
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
  assert.equal(stdout, '')
})
