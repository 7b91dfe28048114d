import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { defaultConfig } from '../../src/config/schema.ts'
import type { Problem } from '../../src/core/errors.ts'

const folderWith = async (
  context: TestContext,
  files: Readonly<Record<string, string>>,
): Promise<string> => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'turnout config ')))
  context.after(() => rm(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return folder
}

const load = (folder: string, file?: string): ReturnType<typeof loadConfig> =>
  loadConfig({ startDirectory: folder, workingDirectory: folder, file, timeoutMs: 2000 })

const problemsOf = async (
  context: TestContext,
  name: string,
  text: string,
): Promise<readonly Problem[]> => {
  const folder = await folderWith(context, { [name]: text })
  const result = await load(folder)
  assert.equal(result.ok, false, 'the config was accepted')
  return result.ok ? [] : result.problems
}

test('no config at all is a config of defaults', async (context) => {
  const result = await load(await folderWith(context, {}))
  assert.deepEqual(result, { ok: true, config: defaultConfig, file: null })
})

const readable: Readonly<Record<string, string>> = {
  'turnout.config.json': '\uFEFF{\n\t"$schema": "x",\n\t"port": 81\n}',
  'turnout.config.yaml': '# yaml-language-server: $schema=x\nport: 81\n',
  'turnout.config.yml': 'port: &p 81\n',
  'turnout.config.ts':
    "import { defineConfig } from 'turnout'\nconst port: number = 81\nexport default defineConfig({ port })\n",
  'turnout.config.mjs': 'export default { port: await Promise.resolve(81) }\n',
  'turnout.config.js': 'module.exports = { port: 81 }\n',
}

for (const [name, text] of Object.entries(readable))
  test(`${name} is read, and nothing is left beside it`, async (context) => {
    const folder = await folderWith(context, { [name]: text })
    const result = await load(folder)
    assert.deepEqual(result, {
      ok: true,
      config: { ...defaultConfig, port: 81 },
      file: join(folder, name),
    })
    assert.deepEqual(await readdir(folder), [name])
  })

test('a YAML file of nothing but comments is a config of defaults', async (context) => {
  const result = await load(await folderWith(context, { 'turnout.config.yaml': '# later\n' }))
  assert.deepEqual(result.ok && result.config, defaultConfig)
})

test('data is a folder relative to the config, not to the working directory', async (context) => {
  const folder = await folderWith(context, { 'a/turnout.config.yaml': 'data: state\n' })
  const result = await load(folder, 'a/turnout.config.yaml')
  assert.equal(result.ok && result.config.data, join(folder, 'a/state'))
})

test('the nearest config up to the working directory wins', async (context) => {
  const folder = await folderWith(context, {
    'turnout.config.yaml': 'port: 1\n',
    'app/turnout.config.yaml': 'port: 2\n',
    'app/routes/x.ts': '',
    'other/routes/x.ts': '',
  })
  const portFrom = async (start: string, workingDirectory: string): Promise<unknown> => {
    const result = await loadConfig({ startDirectory: start, workingDirectory })
    return result.ok && result.config.port
  }
  assert.equal(await portFrom(join(folder, 'app/routes'), folder), 2)
  assert.equal(await portFrom(join(folder, 'other/routes'), folder), 1)
  assert.equal(await portFrom(join(folder, 'other/routes'), join(folder, 'other')), 8080)
  // Outside the working directory: beside the served folder, then the working directory.
  assert.equal(await portFrom(join(folder, 'app/routes'), join(folder, 'other')), 2)
  assert.equal(await portFrom(join(folder, 'other/routes'), join(folder, 'app')), 2)
})

test('two configs in one folder are refused by name', async (context) => {
  const folder = await folderWith(context, {
    'turnout.config.yaml': '',
    'turnout.config.json': '{}',
  })
  const result = await load(folder)
  assert.equal(!result.ok && result.problems[0]?.code, 'TURNOUT_CONFIG_AMBIGUOUS')
  assert.match((!result.ok && result.problems[0]?.message) || '', /json.*yaml/)
})

test('a config that is named but missing is a problem with a suggestion', async (context) => {
  const folder = await folderWith(context, { 'turnout.config.yaml': '' })
  const result = await load(folder, 'turnout.confg.yaml')
  assert.equal(!result.ok && result.problems[0]?.code, 'TURNOUT_CONFIG_NOT_FOUND')
  assert.match(
    (!result.ok && result.problems[0]?.message) || '',
    /did you mean `turnout\.config\.yaml`/,
  )
})

test('what is no readable file of a known kind is refused', async (context) => {
  const folder = await folderWith(context, {
    'turnout.config.toml': '',
    'big.json': ' '.repeat(1_048_577),
    'turnout.config.yaml/x': '',
  })
  for (const file of ['turnout.config.toml', 'big.json', 'turnout.config.yaml', '/dev/null.json']) {
    const result = await load(folder, file)
    assert.equal(result.ok, false, file)
  }
  const asFolder = await load(folder)
  assert.equal(!asFolder.ok && asFolder.problems[0]?.code, 'TURNOUT_CONFIG_UNREADABLE')
})

test(
  'a pipe named as the config is refused and not waited for',
  {
    skip: process.platform === 'win32',
  },
  async (context) => {
    const folder = await folderWith(context, {})
    assert.equal(spawnSync('mkfifo', [join(folder, 'pipe.json')]).status, 0)
    const result = await load(folder, 'pipe.json')
    assert.equal(!result.ok && result.problems[0]?.code, 'TURNOUT_CONFIG_UNREADABLE')
  },
)

interface BadCase {
  readonly name: string
  readonly file?: string
  readonly text: string
  /** Code, text of the message, line:column. */
  readonly expect: readonly (readonly [string, RegExp, (string | undefined)?])[]
}

const badConfigs: readonly BadCase[] = [
  {
    name: 'a mistyped setting in JSON',
    file: 'turnout.config.json',
    text: '{\n  "prot": 8080\n}\n',
    expect: [['TURNOUT_CONFIG_KEY', /`prot`.*did you mean `port`\?/, '2:3']],
  },
  {
    name: 'a mistyped setting inside another',
    text: 'logger:\n  levl: info\n',
    expect: [['TURNOUT_CONFIG_KEY', /`logger\.levl`.*did you mean `level`\?/, '2:3']],
  },
  {
    name: 'every problem at once',
    text: 'port: "80"\nsettleMs: 1.5\ntrailingSlash: strct\nwhatever: 1\nlogger: 3\nmaxLiveVersions: 0\n',
    expect: [
      ['TURNOUT_CONFIG_VALUE', /`port`.*expected number, received string/, '1:7'],
      ['TURNOUT_CONFIG_VALUE', /`trailingSlash`.*did you mean `strict`/, '3:16'],
      ['TURNOUT_CONFIG_VALUE', /`logger`.*expected boolean or object/, '5:9'],
      ['TURNOUT_CONFIG_VALUE', /`settleMs`.*whole number/, '2:11'],
      ['TURNOUT_CONFIG_VALUE', /`maxLiveVersions`.*from 1 to 1024/, '6:18'],
      ['TURNOUT_CONFIG_KEY', /`whatever` in [^;]*$/, '4:1'],
    ],
  },
  {
    name: 'a port that no socket has',
    text: 'port: 70000\n',
    expect: [['TURNOUT_CONFIG_VALUE', /from 0 to 65535/, '1:7']],
  },
  {
    name: 'a time that timers cannot hold',
    text: 'drainMs: 2147483648\n',
    expect: [['TURNOUT_CONFIG_VALUE', /to 2147483647/, '1:10']],
  },
  {
    name: 'a setting without a value',
    text: 'host: a\nport:\ndrainMs: 1\n',
    expect: [['TURNOUT_CONFIG_VALUE', /`port`/, '2:1']],
  },
  {
    name: 'a setting given twice',
    text: 'port: 1\nport: 2\n',
    expect: [['TURNOUT_CONFIG_SYNTAX', /unique/, '2:1']],
  },
  {
    name: 'JSON that ends early',
    file: 'turnout.config.json',
    text: '{ "port": 1',
    expect: [['TURNOUT_CONFIG_SYNTAX', /./, '1:12']],
  },
  {
    name: 'an empty JSON file',
    file: 'turnout.config.json',
    text: '',
    expect: [['TURNOUT_CONFIG_SYNTAX', /empty/, '1:1']],
  },
  {
    name: 'a list instead of settings',
    text: '- port\n',
    expect: [['TURNOUT_CONFIG_VALUE', /object of settings/, '1:1']],
  },
  {
    name: 'a YAML tag that nothing resolves',
    text: 'host: !secret x\n',
    expect: [['TURNOUT_CONFIG_SYNTAX', /Unresolved tag/, '1:7']],
  },
  {
    name: 'several YAML documents',
    text: 'port: 1\n---\nport: 2\n',
    expect: [['TURNOUT_CONFIG_SYNTAX', /multiple documents/, '2:1']],
  },
  {
    name: 'a YAML alias bomb',
    text: `a: &a [x, x, x, x, x, x, x, x, x]\n${Array.from('bcdefgh')
      .map((key, index) => {
        const before = 'abcdefgh'[index]
        return `${key}: &${key} [${Array.from({ length: 9 }, () => `*${before}`).join(', ')}]`
      })
      .join('\n')}\n`,
    expect: [['TURNOUT_CONFIG_SYNTAX', /alias/, '1:1']],
  },
  ...[
    '['.repeat(500_000),
    '{a: '.repeat(100_000),
    '- '.repeat(100_000),
    '? '.repeat(100_000),
    Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join(''),
  ].map((text) => ({
    name: `nested deeper than the stack: ${text.slice(0, 8).trim()}`,
    text,
    expect: [['TURNOUT_CONFIG_SYNTAX', /nested too deep/] as const],
  })),
  {
    name: 'keys that would reach a prototype',
    text: '__proto__: { port: 1 }\nlogger: { constructor: 1 }\n',
    expect: [
      ['TURNOUT_CONFIG_KEY', /`__proto__`/, '1:1'],
      ['TURNOUT_CONFIG_KEY', /`logger\.constructor`/, '2:11'],
    ],
  },
  {
    name: 'services in YAML',
    text: 'services:\n  db: postgres\nprot: 1\n',
    expect: [
      ['TURNOUT_CONFIG_SERVICES', /must be functions/, '1:1'],
      ['TURNOUT_CONFIG_KEY', /`prot`/, '3:1'],
    ],
  },
  {
    name: 'a mistyped setting in TypeScript',
    file: 'turnout.config.ts',
    text: '// prot: see below\nexport default {\n  prot: 8080,\n}\n',
    expect: [['TURNOUT_CONFIG_KEY', /`prot`.*did you mean `port`/, '3:3']],
  },
  {
    name: 'a key written more than once in TypeScript has no place, only its path',
    file: 'turnout.config.ts',
    text: 'const other = { port: 1 }\nexport default { port: "x", other }\n',
    expect: [
      ['TURNOUT_CONFIG_VALUE', /`port`/, undefined],
      ['TURNOUT_CONFIG_KEY', /`other`/, '2:29'],
    ],
  },
  {
    name: 'services of the wrong shape',
    file: 'turnout.config.ts',
    text: 'export default { services: {\n  db: { open: 1 },\n  cache: { open() {}, clsoe() {} },\n  queue: 3,\n} }\n',
    expect: [
      ['TURNOUT_CONFIG_VALUE', /`services\.db\.open`.*expected a function/, undefined],
      ['TURNOUT_CONFIG_KEY', /`services\.cache\.clsoe`.*did you mean `close`/, '3:23'],
      ['TURNOUT_CONFIG_VALUE', /`services\.queue`/, '4:3'],
    ],
  },
  {
    name: 'a syntax error in TypeScript, its column in characters',
    file: 'turnout.config.ts',
    text: 'const a = 1\nconst é = "ü" = 3\nexport default {}\n',
    expect: [['TURNOUT_CONFIG_SYNTAX', /./, '2:11']],
  },
  {
    name: 'a package that is not installed',
    file: 'turnout.config.ts',
    text: "import x from 'no-such-package-here'\nexport default { x }\n",
    expect: [['TURNOUT_CONFIG_SYNTAX', /no-such-package-here/, '1:15']],
  },
  {
    name: 'no default export',
    file: 'turnout.config.mjs',
    text: 'export const port = 1\n',
    expect: [['TURNOUT_CONFIG_EXPORT', /no default export/]],
  },
  {
    name: 'a function as the default export',
    file: 'turnout.config.mjs',
    text: 'export default () => ({})\n',
    expect: [['TURNOUT_CONFIG_EXPORT', /object of settings/]],
  },
  {
    name: 'an error thrown while loading',
    file: 'turnout.config.ts',
    text: 'interface A { a: 1 }\nfunction fail(): never {\n  throw new Error("not today")\n}\nexport default fail()\n',
    expect: [['TURNOUT_CONFIG_THREW', /not today/, '3:9']],
  },
  {
    name: 'a getter that throws',
    file: 'turnout.config.mjs',
    text: 'export default { get port() { throw new Error("not today") } }\n',
    expect: [['TURNOUT_CONFIG_THREW', /not today/]],
  },
  {
    name: 'something thrown that is no error',
    file: 'turnout.config.mjs',
    text: 'throw Object.create(null)\n',
    expect: [['TURNOUT_CONFIG_THREW', /null prototype/]],
  },
  {
    name: 'an export that a package does not have',
    file: 'turnout.config.mjs',
    text: "import { nothing } from 'node:fs'\nexport default { nothing }\n",
    expect: [['TURNOUT_CONFIG_THREW', /nothing/]],
  },
  {
    name: 'an await that never settles',
    file: 'turnout.config.mjs',
    text: 'await new Promise(() => {})\nexport default {}\n',
    expect: [['TURNOUT_CONFIG_TIMEOUT', /2000 ms/]],
  },
]

for (const { name, file = 'turnout.config.yaml', text, expect } of badConfigs)
  test(`refused with its place: ${name}`, async (context) => {
    const problems = await problemsOf(context, file, text)
    const shown = JSON.stringify(problems, undefined, 1)
    assert.deepEqual(
      problems.map(({ code }) => code),
      expect.map(([code]) => code),
      shown,
    )
    for (const [index, [, message, place]] of expect.entries()) {
      const found = problems[index]
      assert.match(found?.message ?? '', message)
      assert.match(found?.message ?? '', /turnout\.config\./, 'the message names the file')
      assert.doesNotMatch(shown, /data:text/)
      if (place === undefined && expect[index]?.length !== 3) continue
      const at = found?.place
      assert.equal(at && `${at.line}:${at.column}`, place, shown)
      if (at) assert.match(at.frame ?? '', /\^/)
    }
  })

test('the stack of a config that throws names its files and lines', async (context) => {
  const folder = await folderWith(context, {
    'turnout.config.ts': "import { boom } from './lib/boom.ts'\n\nexport default boom()\n",
    'lib/boom.ts':
      'type A = string\nexport const boom = (): A => {\n  throw new TypeError("x")\n}\n',
  })
  const result = await load(folder)
  assert.equal(result.ok, false)
  const found = result.ok ? undefined : result.problems[0]
  assert.ok(found?.stack?.includes(`${join(folder, 'lib/boom.ts')}:3:9`), found?.stack)
  assert.ok(found?.stack?.includes(`${join(folder, 'turnout.config.ts')}:3:16`), found?.stack)
  assert.doesNotMatch(found?.stack ?? '', /node:internal|turnout-config-/)
  assert.equal(found?.place?.file, join(folder, 'lib/boom.ts'))
})

test('services keep their identity, local imports, packages and import.meta work', async (context) => {
  const folder = await folderWith(context, {
    'turnout.config.ts': `
      import { createRequire } from 'node:module'
      import { value } from 'esm-only'
      import { Db } from './lib/db.ts'
      import json from './lib/names.json'
      const require = createRequire(import.meta.url)
      export default {
        host: [value, require('cjs-only'), json.name, import.meta.filename].join('|'),
        services: { db: new Db() },
      }`,
    'lib/db.ts':
      'export class Db { opened = 7; open(): number { return this.opened } ; close(): void {} }',
    'lib/names.json': '{"name":"json"}',
    'node_modules/esm-only/package.json':
      '{"name":"esm-only","type":"module","exports":"./main.js"}',
    'node_modules/esm-only/main.js': 'export const value = "esm"',
    'node_modules/cjs-only/package.json': '{"name":"cjs-only"}',
    'node_modules/cjs-only/index.js': 'module.exports = "cjs"',
  })
  const result = await load(folder)
  assert.ok(result.ok, JSON.stringify(result))
  assert.equal(result.config.host, `esm|cjs|json|${join(folder, 'turnout.config.ts')}`)
  assert.equal(await result.config.services['db']?.open(), 7)
  const again = await load(folder)
  assert.ok(again.ok && again.config.services['db'] !== result.config.services['db'])
})

test('a CommonJS config may require packages', async (context) => {
  const folder = await folderWith(context, {
    'turnout.config.js': "module.exports = { host: require('cjs-only') + __filename }",
    'node_modules/cjs-only/package.json': '{"name":"cjs-only"}',
    'node_modules/cjs-only/index.js': 'module.exports = "cjs"',
  })
  const result = await load(folder)
  assert.equal(result.ok && result.config.host, `cjs${join(folder, 'turnout.config.js')}`)
})

test('a config behind a symlink is read where the link leads', async (context) => {
  const folder = await folderWith(context, { 'real/settings.yaml': 'port: 5\n' })
  await symlink(join(folder, 'real/settings.yaml'), join(folder, 'turnout.config.yaml'))
  const result = await load(folder)
  assert.equal(result.ok && result.config.port, 5)
})
