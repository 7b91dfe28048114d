import assert from 'node:assert/strict'
import { test } from 'node:test'
import { join } from 'node:path'
import { scanModules } from '../../src/source/scan.ts'
import {
  buildText,
  follow,
  inSecondProcess,
  makeFolder,
  until,
  type Tree,
  type Watched,
} from './folder.ts'

interface Change {
  readonly added?: readonly string[]
  readonly changed?: readonly string[]
  readonly removed?: readonly string[]
}

interface Scenario {
  readonly name: string
  /** Below a root whose `routes` is the served folder. */
  readonly tree: Tree
  /** What a second process does in the root. */
  readonly act: string
  /** The bursts after the first one. */
  readonly bursts: readonly Change[]
  /** For a long act: the second process may be kept from running for a while in the middle of it. */
  readonly settleMs?: number
}

const users = { 'routes/users.ts': 'users 1', 'routes/posts.ts': 'posts 1' }
const kubernetes = {
  '..a/users.ts': 'users 1',
  '..a/posts.ts': 'posts 1',
  '..data': '-> ..a',
  'users.ts': '-> ..data/users.ts',
  'posts.ts': '-> ..data/posts.ts',
}
const under = (folder: string, tree: Tree): Tree =>
  Object.fromEntries(Object.entries(tree).map(([name, text]) => [`${folder}/${name}`, text]))

const scenarios: readonly Scenario[] = [
  {
    name: 'a plain save',
    tree: users,
    act: `fs.writeFileSync('routes/users.ts', 'users 2')`,
    bursts: [{ changed: ['users'] }],
  },
  {
    name: 'a save of another text of the same length',
    tree: users,
    act: `fs.writeFileSync('routes/users.ts', 'users 9')`,
    bursts: [{ changed: ['users'] }],
  },
  {
    name: 'an atomic save: a temporary file renamed over the file',
    tree: users,
    act: `fs.writeFileSync('routes/.users.tmp', 'users 2'); fs.renameSync('routes/.users.tmp', 'routes/users.ts')`,
    bursts: [{ changed: ['users'] }],
  },
  {
    name: 'a save with a backup, as vim does: renamed away, written anew, backup deleted',
    tree: users,
    act: `fs.writeFileSync('routes/4913', ''); fs.unlinkSync('routes/4913')
      fs.renameSync('routes/users.ts', 'routes/users.ts~'); fs.writeFileSync('routes/users.ts', 'users 2')
      fs.unlinkSync('routes/users.ts~')`,
    bursts: [{ changed: ['users'] }],
  },
  {
    name: 'a file deleted and created within the settle time',
    tree: users,
    act: `fs.unlinkSync('routes/users.ts'); wait(20); fs.writeFileSync('routes/users.ts', 'users 2')`,
    bursts: [{ changed: ['users'] }],
  },
  {
    name: 'a file deleted and restored as it was',
    tree: users,
    act: `fs.unlinkSync('routes/users.ts'); fs.writeFileSync('routes/users.ts', 'users 1')`,
    bursts: [],
  },
  {
    name: 'a save in two steps, 30 ms apart',
    tree: users,
    act: `fs.writeFileSync('routes/users.ts', 'half'); wait(30); fs.appendFileSync('routes/users.ts', ' and half')`,
    bursts: [{ changed: ['users'] }],
  },
  {
    settleMs: 500,
    name: 'a slow writer over 500 ms',
    tree: users,
    act: `const file = fs.openSync('routes/users.ts', 'w')
      for (let i = 0; i < 50; i += 1) { fs.writeSync(file, 'line ' + i + '\\n'); wait(10) }`,
    bursts: [{ changed: ['users'] }],
  },
  {
    name: 'a file deleted',
    tree: users,
    act: `fs.unlinkSync('routes/users.ts')`,
    bursts: [{ removed: ['users'] }],
  },
  {
    name: 'a file renamed',
    tree: users,
    act: `fs.renameSync('routes/users.ts', 'routes/people.ts')`,
    bursts: [{ added: ['people'], removed: ['users'] }],
  },
  {
    name: 'a file given another extension',
    tree: users,
    act: `fs.renameSync('routes/users.ts', 'routes/users.mjs')`,
    bursts: [{ changed: ['users'] }],
  },
  {
    name: 'files and a folder added, with what is no module beside them',
    tree: users,
    act: `fs.writeFileSync('routes/tags.js', 'tags'); fs.mkdirSync('routes/shop/lib', { recursive: true })
      fs.writeFileSync('routes/shop/lib/price.ts', 'price'); fs.writeFileSync('routes/shop/index.ts', "import './lib/price.ts'")
      fs.writeFileSync('routes/_helper.ts', ''); fs.writeFileSync('routes/tags.test.ts', ''); fs.writeFileSync('routes/a.log', '')`,
    bursts: [{ added: ['shop', 'tags'] }],
  },
  {
    name: 'a file touched, its content the same',
    tree: users,
    act: `fs.utimesSync('routes/users.ts', new Date(), new Date()); fs.writeFileSync('routes/posts.ts', 'posts 1')
      fs.chmodSync('routes/users.ts', 0o600)`,
    bursts: [],
  },
  {
    name: 'files that belong to nobody come and go',
    tree: users,
    act: `for (let i = 0; i < 20; i += 1) fs.appendFileSync('routes/requests.log', 'line')
      fs.writeFileSync('routes/.users.ts.swp', ''); fs.unlinkSync('routes/.users.ts.swp')`,
    bursts: [],
  },
  {
    name: 'a module folder deleted and created again',
    tree: { ...users, 'routes/shop/index.ts': "import './a.ts'", 'routes/shop/a.ts': 'a 1' },
    act: `fs.rmSync('routes/shop', { recursive: true }); fs.mkdirSync('routes/shop')
      fs.writeFileSync('routes/shop/index.ts', "import './a.ts'"); fs.writeFileSync('routes/shop/a.ts', 'a 2')`,
    bursts: [{ changed: ['shop'] }],
  },
  {
    name: 'a module folder swapped by rename',
    tree: {
      ...users,
      'routes/shop/index.ts': "import './deep/down/a.ts'",
      'routes/shop/deep/down/a.ts': 'a 1',
      'next/index.ts': "import './deep/down/a.ts'",
      'next/deep/down/a.ts': 'a 2',
    },
    act: `fs.renameSync('routes/shop', 'old'); fs.renameSync('next', 'routes/shop')`,
    bursts: [{ changed: ['shop'] }],
  },
  {
    name: 'a deep folder swapped by rename',
    tree: {
      'routes/shop/index.ts': "import './deep/down/a.ts'",
      'routes/shop/deep/down/a.ts': 'a 1',
      'next/down/a.ts': 'a 2',
    },
    act: `fs.renameSync('routes/shop/deep', 'old'); fs.renameSync('next', 'routes/shop/deep')`,
    bursts: [{ changed: ['shop'] }],
  },
  {
    name: 'the served folder swapped by rename',
    tree: { ...users, 'next/users.ts': 'users 2', 'next/tags.ts': 'tags 1' },
    act: `fs.renameSync('routes', 'old'); fs.renameSync('next', 'routes')`,
    bursts: [{ added: ['tags'], changed: ['users'], removed: ['posts'] }],
  },
  {
    name: 'the served folder deleted and created again',
    tree: users,
    act: `fs.rmSync('routes', { recursive: true }); fs.mkdirSync('routes')
      fs.writeFileSync('routes/users.ts', 'users 2'); fs.writeFileSync('routes/posts.ts', 'posts 1')`,
    bursts: [{ changed: ['users'] }],
  },
  {
    name: "Kubernetes' volume, its files linked through ..data, which is switched",
    tree: under('routes', kubernetes),
    act: `fs.mkdirSync('routes/..b'); fs.writeFileSync('routes/..b/users.ts', 'users 2')
      fs.writeFileSync('routes/..b/posts.ts', 'posts 1'); fs.writeFileSync('routes/..b/tags.ts', 'tags 1')
      fs.symlinkSync('..b', 'routes/..data_tmp'); fs.renameSync('routes/..data_tmp', 'routes/..data')
      fs.symlinkSync('..data/tags.ts', 'routes/tags.ts'); fs.rmSync('routes/..a', { recursive: true })`,
    bursts: [{ added: ['tags'], changed: ['users'] }],
  },
  {
    name: "Kubernetes' volume, only an imported file differs and the old one is kept",
    tree: {
      ...under('routes', kubernetes),
      'routes/..a/users.ts': "import './_db.ts'",
      'routes/..a/_db.ts': 'db 1',
      'routes/..b/users.ts': "import './_db.ts'",
      'routes/..b/posts.ts': 'posts 1',
      'routes/..b/_db.ts': 'db 2',
    },
    act: `fs.symlinkSync('..b', 'routes/..data_tmp'); fs.renameSync('routes/..data_tmp', 'routes/..data')`,
    bursts: [{ changed: ['users'] }],
  },
  {
    name: 'a served folder behind a link through ..data, which is switched',
    tree: {
      routes: '-> ..data/routes',
      '..data': '-> ..a',
      '..a/routes/users.ts': "import '../lib/db.ts'",
      '..a/routes/posts.ts': 'posts 1',
      '..a/lib/db.ts': 'db 1',
      '..b/routes/users.ts': "import '../lib/db.ts'",
      '..b/routes/posts.ts': 'posts 1',
      '..b/lib/db.ts': 'db 2',
    },
    act: `fs.symlinkSync('..b', '..data_tmp'); fs.renameSync('..data_tmp', '..data')`,
    bursts: [{ changed: ['users'] }],
  },
  {
    name: 'the target of a linked file is edited',
    tree: { 'routes/users.ts': '-> ../far/users.ts', 'far/users.ts': 'users 1' },
    act: `fs.writeFileSync('far/users.ts', 'users 2')`,
    bursts: [{ changed: ['users'] }],
  },
  {
    name: 'an imported file outside the folder, shared by two modules, is edited',
    tree: {
      'routes/a.ts': "import '../lib/db.ts'",
      'routes/b.ts': "import '../lib/db.ts'",
      'routes/c.ts': 'c',
      'lib/db.ts': 'db 1',
    },
    act: `fs.writeFileSync('lib/db.ts', 'db 2')`,
    bursts: [{ changed: ['a', 'b'] }],
  },
  {
    name: 'a missing import appears, in a folder that was not there either',
    tree: { 'routes/users.ts': "import '../lib/deep/db.ts'" },
    act: `fs.mkdirSync('lib/deep', { recursive: true }); fs.writeFileSync('lib/deep/db.ts', 'db 1')`,
    bursts: [{ changed: ['users'] }],
  },
  {
    name: 'a missing import appears in a folder that came long before',
    tree: { 'routes/users.ts': "import '../lib/deep/db.ts'" },
    act: `fs.mkdirSync('lib/deep', { recursive: true }); wait(700); fs.writeFileSync('lib/deep/db.ts', 'db 1')`,
    bursts: [{ changed: ['users'] }],
  },
  {
    name: 'an import is deleted',
    tree: { 'routes/users.ts': "import './_db.ts'", 'routes/_db.ts': 'db 1' },
    act: `fs.unlinkSync('routes/_db.ts')`,
    bursts: [{ changed: ['users'] }],
  },
  {
    settleMs: 1000,
    name: 'a checkout of 1,000 files: each unlinked and written anew, some gone, some new',
    tree: Object.fromEntries(
      Array.from({ length: 1000 }, (_, i) => [
        `routes/m${String(i).padStart(4, '0')}.ts`,
        `m${i} 1`,
      ]),
    ),
    act: `for (let i = 10; i < 1010; i += 1) {
        const file = 'routes/m' + String(i).padStart(4, '0') + '.ts'
        fs.rmSync(file, { force: true }); fs.writeFileSync(file, 'm' + i + ' 2')
      }
      for (let i = 0; i < 10; i += 1) fs.unlinkSync('routes/m000' + i + '.ts')`,
    bursts: [
      {
        added: Array.from({ length: 10 }, (_, i) => `m${1000 + i}`),
        changed: Array.from({ length: 990 }, (_, i) => `m${String(i + 10).padStart(4, '0')}`),
        removed: Array.from({ length: 10 }, (_, i) => `m000${i}`),
      },
    ],
  },
]

const changesOf = ({ bursts }: Watched): Change[] =>
  bursts.slice(1).map(({ added, changed, removed }) => ({ added, changed, removed }))

/** What is served is what a fresh build of the folder gives. */
const assertServed = async (watched: Watched, directory: string): Promise<void> => {
  const { modules } = await scanModules(directory)
  const fresh = modules.map(({ name, path }) => [name, buildText(path)] as const)
  assert.deepEqual([...watched.served].sort(), fresh)
}

const modes = [
  { mode: 'with events alone', options: { pollMs: 3_600_000 } },
  { mode: 'with polling alone', options: { watch: false } },
]

for (const { mode, options } of modes) {
  for (const { name, tree, act, bursts, settleMs = 200 } of scenarios) {
    test(`${mode}: ${name}`, async (t) => {
      const root = makeFolder(t, tree)
      const directory = join(root, 'routes')
      const watched = follow(t, directory, { ...options, settleMs })
      await watched.source.start()
      await inSecondProcess(root, act)
      await until(
        () => watched.bursts.length > bursts.length,
        () => JSON.stringify(changesOf(watched)),
      )
      // A full scan finds nothing that was not reported.
      await watched.source.rescan()
      const expected = bursts.map((burst) => ({ added: [], changed: [], removed: [], ...burst }))
      assert.deepEqual(changesOf(watched), expected)
      await assertServed(watched, directory)
      assert.deepEqual(watched.errors, [])
    })
  }
}
