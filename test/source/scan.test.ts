import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { scanModules } from '../../src/source/scan.ts'
import { makeFolder, type Tree } from './folder.ts'

const rows: readonly {
  name: string
  tree: Tree
  modules?: Record<string, string>
  problems?: readonly (readonly [string, ...string[]])[]
}[] = [
  {
    name: 'every extension of code is a module',
    tree: Object.fromEntries(
      ['ts', 'mts', 'cts', 'tsx', 'js', 'mjs', 'cjs', 'jsx'].map((end) => [`m-${end}.${end}`, '']),
    ),
    modules: Object.fromEntries(
      ['cjs', 'cts', 'js', 'jsx', 'mjs', 'mts', 'ts', 'tsx'].map((end) => [
        `m-${end}`,
        `m-${end}.${end}`,
      ]),
    ),
  },
  {
    name: 'what is no module: helpers, dotfiles, types, tests, data',
    tree: {
      '_x.ts': '',
      '.x.ts': '',
      'x.d.ts': '',
      'x.d.mts': '',
      'x.test.ts': '',
      'x.spec.js': '',
      'x.json': '',
      README: '',
      '_folder/index.ts': '',
      '.git/index.js': '',
      'node_modules/index.js': '',
    },
  },
  {
    name: "editors' temporary files are no modules",
    tree: {
      'users.ts~': '',
      '#users.ts#': '',
      '.#users.ts': '-> nobody@nowhere',
      '.users.ts.swp': '',
      '4913': '',
      'users.ts___jb_tmp___': '',
      'users.ts.123.tmp': '',
    },
  },
  {
    name: 'a name keeps its inner dots',
    tree: { 'users.admin.ts': '', 'v1.2/index.ts': '' },
    modules: { 'users.admin': 'users.admin.ts', 'v1.2': 'v1.2/index.ts' },
  },
  {
    name: 'a folder is a module by its index',
    tree: {
      'shop/index.mjs': '',
      'shop/index.test.ts': '',
      'shop/index.d.ts': '',
      'shop/a.ts': '',
    },
    modules: { shop: 'shop/index.mjs' },
  },
  {
    name: 'a folder with code and no index is a problem',
    tree: { 'shop/cart.ts': '' },
    problems: [['TURNOUT_FILES_INDEX_MISSING', 'shop']],
  },
  {
    name: 'a folder without code is silently no module',
    tree: { 'empty/': '', 'data/a.json': '', 'tests/a.test.ts': '', 'helpers/_a.ts': '' },
  },
  {
    name: 'a file and a folder of one name',
    tree: { 'users.ts': '', 'users/index.ts': '', 'a.ts': '' },
    modules: { a: 'a.ts' },
    problems: [['TURNOUT_FILES_NAME_TAKEN', 'users.ts', 'users/index.ts']],
  },
  {
    name: 'two files of one name',
    tree: { 'users.ts': '', 'users.js': '' },
    problems: [['TURNOUT_FILES_NAME_TAKEN', 'users.js', 'users.ts']],
  },
  {
    name: 'two indexes in one folder',
    tree: { 'users/index.ts': '', 'users/index.js': '' },
    problems: [['TURNOUT_FILES_NAME_TAKEN', 'users/index.js', 'users/index.ts']],
  },
  {
    name: 'a file and a folder without data may share a name',
    tree: { 'users.ts': '', 'users/a.json': '' },
    modules: { users: 'users.ts' },
  },
  {
    name: 'links to files and folders are followed',
    tree: {
      '.far/users.ts': '',
      '.far/shop/index.ts': '',
      'users.ts': '-> .far/users.ts',
      shop: '-> .far/shop',
    },
    modules: { shop: 'shop/index.ts', users: 'users.ts' },
  },
  {
    name: 'links that lead nowhere or in a circle are problems, where they look like code',
    tree: { 'a.ts': '-> nowhere.ts', 'b.ts': '-> b.ts', data: '-> nowhere' },
    problems: [
      ['TURNOUT_FILES_UNREADABLE', 'a.ts', 'ENOENT'],
      ['TURNOUT_FILES_UNREADABLE', 'b.ts', 'ELOOP'],
    ],
  },
]

for (const { name, tree, modules = {}, problems = [] } of rows) {
  test(`scan: ${name}`, async (t) => {
    const root = makeFolder(t, tree)
    const scan = await scanModules(root)
    assert.deepEqual(
      scan.modules,
      Object.entries(modules).map(([name, path]) => ({ name, path: join(root, path) })),
    )
    assert.deepEqual(
      scan.problems.map(({ code }) => code),
      problems.map(([code]) => code),
    )
    for (const [index, [, ...words]] of problems.entries()) {
      for (const word of words) assert.ok(scan.problems[index]?.message.includes(word), word)
    }
  })
}

test('scan: a folder that is missing or no folder is a problem', async (t) => {
  const root = makeFolder(t, { file: '' })
  for (const [name, reason] of [
    ['none', /ENOENT/],
    ['file', /ENOTDIR/],
  ] as const) {
    const scan = await scanModules(join(root, name))
    assert.equal(scan.isMissing, true)
    assert.equal(scan.problems[0]?.code, 'TURNOUT_FILES_DIRECTORY_MISSING')
    assert.match(scan.problems[0]?.message ?? '', reason)
  }
})

test('scan: folders that may become modules are told', async (t) => {
  const root = makeFolder(t, { 'shop/index.ts': '', 'empty/': '', '_lib/': '' })
  mkdirSync(join(root, 'node_modules'))
  const { folders } = await scanModules(root)
  assert.deepEqual(folders, [join(root, 'empty'), join(root, 'shop')])
})
