import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, readdir, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { createPaint } from '../../src/cli/colour.ts'
import type { Commands, FolderOptions } from '../../src/cli/commands.ts'
import type { InstanceCommands } from '../../src/cli/instance/commands.ts'
import { runProgram } from '../../src/cli/program.ts'

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
  /** What the commands were called with, the terminal left out. */
  readonly calls: readonly unknown[]
}

const folderOf = async (context: TestContext): Promise<string> => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'turnout-cli-')))
  context.after(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'routes'))
  return folder
}

const run = async (
  workingDirectory: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ran> => {
  const calls: unknown[] = []
  let out = ''
  let err = ''
  const note =
    (name: string) =>
    ({ terminal: _terminal, ...rest }: Pick<FolderOptions, 'terminal'>): Promise<number> => {
      calls.push({ name, ...rest })
      return Promise.resolve(0)
    }
  const commands: Commands = {
    serve: note('serve'),
    routes: note('routes'),
    check: note('check'),
    probe: note('probe'),
  }
  const instanceCommands: InstanceCommands = {
    routes: note('instance routes'),
    probe: note('instance probe'),
    plan: note('plan'),
    publish: note('publish'),
    history: note('history'),
    diff: note('diff'),
    rollback: note('rollback'),
    restart: note('restart'),
    confirm: note('confirm'),
    status: note('status'),
    upstreams: note('upstreams'),
    switchRoutes: note('switch'),
    drill: note('drill'),
    versions: note('versions'),
    startRollout: note('rollout start'),
    rolloutStatus: note('rollout status'),
    rolloutList: note('rollout list'),
    moveRollout: note('rollout move'),
  }
  const code = await runProgram(words, {
    version: '9.9.9',
    loadCommands: () => Promise.resolve(commands),
    loadInstanceCommands: () => Promise.resolve(instanceCommands),
    terminal: {
      out: (text) => void (out += text),
      err: (text) => void (err += text),
      paintOut: createPaint(false),
      paintErr: createPaint(false),
      environment,
      workingDirectory,
      read: () => Promise.resolve(''),
    },
  })
  return { code, out, err, calls }
}

test('no words print the help on standard output', async (context) => {
  const { code, out, err } = await run(await folderOf(context), [])
  assert.equal(code, 0)
  const names =
    'init dev serve check routes probe status upstreams versions history diff plan publish rollback confirm'
  for (const name of [...names.split(' '), 'rollout', 'enable', 'disable', 'drill', 'help'])
    assert.match(out, new RegExp(`^  ${name} `, 'm'))
  for (const group of ['Serve a folder:', 'Look at a running instance:', 'Help:'])
    assert.ok(out.includes(`\n${group}\n`), group)
  assert.equal(err, '')
})

test('--version prints the version alone', async (context) => {
  const { code, out } = await run(await folderOf(context), ['--version'])
  assert.deepEqual([code, out], [0, '9.9.9\n'])
})

const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['a mistyped command', ['rotes'], /did you mean routes/i],
  ['a mistyped command where a folder may stand', ['dev', 'chekc'], /command `turnout check`/],
  ['a mistyped folder', ['dev', 'rutes'], /no folder rutes; did you mean `routes`\?/],
  ['a folder where a command must stand', ['./routes'], /turnout serve \.\/routes/],
  ['a mistyped option', ['dev', '--prot', '3'], /Did you mean --port\?/],
  ['a lane that there is not', ['serve', '--lane', 'middle'], /fast or safe/],
  ['more workers than there is use for', ['serve', '--workers', '65'], /from 0 to 64/],
  ['a port that no socket has', ['serve', '-p', '70000'], /from 0 to 65535/],
  ['a place for probes that is none', ['serve', '--health', 'here'], /Expected HOST:PORT, or off/],
  ['a port in another notation', ['serve', '-p', '0x50'], /from 0 to 65535/],
  ['a share that is none', ['serve', '--access-log', '1.5'], /on, off, or a share from 0 to 1/],
  ['a level that is none', ['serve', '--log-level', 'loud'], /debug, info, warn, error/],
  ['two folders', ['routes', 'routes', 'more'], /too many arguments/],
  ['a URL that is none', ['probe', 'GET', 'x'], /path that starts with/],
  ['a method that is none', ['probe', 'G T', '/x'], /HTTP method/],
  ['a mistyped command of an instance', ['publsh', 'x.yaml'], /did you mean publish/i],
  ['a header without a colon', ['probe', 'GET', '/', '-H', 'x'], /'name: value'/],
  ['nothing to publish', ['publish', '--force'], /TURNOUT_USAGE +Name files or folders/],
  ['nothing to plan', ['plan'], /TURNOUT_USAGE/],
  ['a removal of nothing', ['publish', '--remove', 'shop'], /route:ID, upstream:NAME or module/],
  ['a duration that is none', ['publish', 'x', '--confirm-within', '5'], /30s, 5m or 1h/],
  ['a wait that is none', ['publish', 'x', '--wait', 'fleet'], /choices are applied/],
  ['a revision that is none', ['rollback', 'latest'], /whole number/],
  ['one revision to compare', ['diff', '1'], /missing required argument 'to'/],
  ['no rows at all', ['history', '--limit', '0'], /from 1 to/],
  ['no route to switch off', ['disable'], /missing required argument 'ids'/],
  ['nothing to roll out', ['rollout', 'start'], /TURNOUT_USAGE +Name one thing to roll out/],
  [
    'two things to roll out',
    ['rollout', 'start', 'users@2.0.0', '--route', 'x.yaml'],
    /TURNOUT_USAGE +Name one thing/,
  ],
  ['a rollout that is not named', ['rollout', 'abort'], /missing required argument 'id'/],
  ['nothing to do with rollouts', ['rollout'], /Usage: turnout rollout/],
  ['a mistyped command of rollouts', ['rollout', 'abrt', 'users'], /did you mean abort/i],
  ['a probe without a URL', ['probe', 'GET'], /missing required argument 'url'/],
]
for (const [name, words, message] of refused)
  test(`exit code 2, on standard error: ${name}`, async (context) => {
    const { code, out, err, calls } = await run(await folderOf(context), words)
    assert.equal(code, 2)
    assert.match(err, message)
    assert.deepEqual([out, calls], ['', []])
  })

test('a file instead of a folder is refused and its folder named', async (context) => {
  const folder = await folderOf(context)
  await writeFile(join(folder, 'routes/a.ts'), '')
  const { code, err } = await run(folder, ['serve', 'routes/a.ts'])
  assert.equal(code, 2)
  assert.match(err, /is a file; .*: routes$/m)
})

test('an unusable PORT is refused, an empty one is none', async (context) => {
  const folder = await folderOf(context)
  const bad = await run(folder, ['serve'], { PORT: 'http' })
  assert.equal(bad.code, 2)
  assert.match(bad.err, /TURNOUT_USAGE.*PORT.*http/)
  assert.equal((await run(folder, ['serve'], { PORT: '', HOST: '' })).code, 0)
})

const accepted: readonly (readonly [
  readonly string[],
  Readonly<Record<string, string>>,
  object,
])[] = [
  [['serve'], {}, { name: 'serve', command: 'serve', json: false }],
  [
    ['dev', '-p', '0', '--host', '::1', '--settle', '5', '--log-level', 'warn', '--json'],
    { PORT: '1', HOST: 'a' },
    {
      name: 'serve',
      command: 'dev',
      json: true,
      host: '::1',
      port: 0,
      settleMs: 5,
      logLevel: 'warn',
    },
  ],
  [
    ['serve'],
    { PORT: '81', HOST: 'b' },
    { name: 'serve', command: 'serve', json: false, host: 'b', port: 81 },
  ],
  [['routes', '-c', 'x.yaml', '--no-color'], {}, { name: 'routes', json: false, config: 'x.yaml' }],
  [['check', '--json'], {}, { name: 'check', json: true }],
  [
    ['probe', 'get', '/x?y=1', 'routes'],
    {},
    { name: 'probe', json: false, method: 'GET', url: '/x?y=1' },
  ],
]
for (const [words, environment, call] of accepted)
  test(`turnout ${words.join(' ')} ${JSON.stringify(environment)}`, async (context) => {
    const folder = await folderOf(context)
    const { code, calls, err } = await run(folder, words, environment)
    assert.equal(code, 0, err)
    assert.deepEqual(calls, [{ ...call, directory: join(folder, 'routes') }])
  })

const asked: readonly (readonly [readonly string[], object])[] = [
  [
    ['probe', 'get', '/x', '-H', 'A: 1', '-H', 'b:2', '-H', 'a: 3', '--from', '10.0.0.1'],
    {
      name: 'instance probe',
      named: [],
      method: 'GET',
      url: '/x',
      headers: { a: '1, 3', b: '2' },
      from: '10.0.0.1',
    },
  ],
  [
    ['status', '--admin', 'x:1', '--data', 'd'],
    { name: 'status', named: [], admin: 'x:1', data: 'd' },
  ],
  [['history'], { name: 'history', named: [], limit: 20 }],
  [['diff', '1', '12'], { name: 'diff', named: [], from: 1, to: 12 }],
  [
    ['plan', 'a.yaml', '-', '--remove', 'route:a:b', '--remove', 'module:m', '--based-on', '0'],
    {
      name: 'plan',
      named: ['a.yaml', '-'],
      remove: [
        { kind: 'route', name: 'a:b' },
        { kind: 'module', name: 'm' },
      ],
      basedOn: 0,
    },
  ],
  [
    ['publish', 'a.yaml', '--reason', 'why', '--confirm-within', '5m', '--wait', 'applied'],
    {
      name: 'publish',
      named: ['a.yaml'],
      remove: [],
      reason: 'why',
      force: false,
      confirmWithin: '5m',
      wait: 'applied',
    },
  ],
  [
    ['publish', '--remove', 'upstream:u', '--force'],
    { name: 'publish', named: [], remove: [{ kind: 'upstream', name: 'u' }], force: true },
  ],
  [['rollback'], { name: 'rollback', named: [], revision: null }],
  [['rollback', '3', '--reason', 'r'], { name: 'rollback', named: [], reason: 'r', revision: 3 }],
  [['confirm', '4'], { name: 'confirm', named: [], revision: 4 }],
  [['enable', 'a', 'b'], { name: 'switch', named: [], routes: ['a', 'b'], enabled: true }],
  [
    ['rollout', 'start', 'users@2.0.0'],
    {
      name: 'rollout start',
      named: [],
      subject: { kind: 'version-or-code', text: 'users@2.0.0' },
      follow: false,
    },
  ],
  [
    ['rollout', 'start', 'v2/users.ts', '--plan', 'p.yaml', '--follow', '--reason', 'why'],
    {
      name: 'rollout start',
      named: ['v2/users.ts'],
      reason: 'why',
      subject: { kind: 'version-or-code', text: 'v2/users.ts' },
      planFile: 'p.yaml',
      follow: true,
    },
  ],
  [
    ['rollout', 'start', '--route', '-'],
    {
      name: 'rollout start',
      named: [],
      subject: { kind: 'route', text: '-' },
      follow: false,
    },
  ],
  [
    ['rollout', 'start', '--upstream', 'pool.json', '--data', 'd'],
    {
      name: 'rollout start',
      named: ['pool.json'],
      data: 'd',
      subject: { kind: 'upstream', text: 'pool.json' },
      follow: false,
    },
  ],
  [['rollout', 'status'], { name: 'rollout status', named: [], id: null, follow: false }],
  [
    ['rollout', 'status', 'users', '--follow'],
    { name: 'rollout status', named: [], id: 'users', follow: true },
  ],
  [['rollout', 'list'], { name: 'rollout list', named: [] }],
  ...(['pause', 'resume', 'promote', 'abort'] as const).map(
    (move) =>
      [
        ['rollout', move, 'users', '--reason', 'r'],
        { name: 'rollout move', named: [], reason: 'r', id: 'users', move },
      ] as const,
  ),
  [['versions'], { name: 'versions', named: [] }],
  [['disable', 'a'], { name: 'switch', named: [], routes: ['a'], enabled: false }],
]
for (const [words, call] of asked)
  test(`turnout ${words.join(' ')} asks an instance`, async (context) => {
    const { code, calls, err } = await run(await folderOf(context), words)
    assert.equal(code, 0, err)
    const [{ fallback, ...rest }] = calls as readonly [{ readonly fallback?: unknown }]
    assert.deepEqual(rest, { json: false, ...call })
    assert.equal(typeof fallback, words[0] === 'probe' ? 'function' : 'undefined')
  })

test('init writes once, keeps what is there, and says what to type', async (context) => {
  const folder = await folderOf(context)
  const first = await run(folder, ['init', 'my routes', '--with-config'])
  assert.equal(first.code, 0)
  assert.match(first.out, /created.*hello\.ts/)
  assert.match(first.out, /npx turnout dev "my routes"/)
  assert.deepEqual((await readdir(folder)).sort(), ['my routes', 'routes', 'turnout.config.ts'])
  const file = join(folder, 'my routes/hello.ts')
  await writeFile(file, 'mine')
  const second = await run(folder, ['init', 'my routes', '--json'])
  assert.deepEqual(JSON.parse(second.out), { event: 'kept', file: 'my routes/hello.ts' })
  assert.equal(await readFile(file, 'utf8'), 'mine')
})

test('what init writes is at most 8 lines and parses', async (context) => {
  const folder = await folderOf(context)
  await run(folder, ['init', '--with-config'])
  await run(folder, ['init', '--js', '--with-config'])
  for (const name of [
    'routes/hello.ts',
    'routes/hello.js',
    'turnout.config.ts',
    'turnout.config.js',
  ]) {
    const text = await readFile(join(folder, name), 'utf8')
    assert.ok(text.trimEnd().split('\n').length <= 8, name)
    await build({ entryPoints: [join(folder, name)], write: false, logLevel: 'silent' })
  }
})

test('init where a file stands in the way fails with 1', async (context) => {
  const folder = await folderOf(context)
  await writeFile(join(folder, 'taken'), '')
  const { code, err } = await run(folder, ['init', 'taken'])
  assert.equal(code, 1)
  assert.match(err, /TURNOUT_INIT_FAILED/)
})

test('the real program: help on stdout, usage on stderr, colours as asked', async (context) => {
  const folder = await folderOf(context)
  const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
  const turnout = (words: readonly string[], env: Readonly<Record<string, string>>) =>
    spawnSync(process.execPath, [main, ...words], { cwd: folder, encoding: 'utf8', env })
  const help = turnout([], {})
  assert.deepEqual([help.status, help.stderr], [0, ''])
  const version = turnout(['--version'], {})
  assert.match(version.stdout, /^\d+\.\d+\.\d+/)
  const plain = turnout(['dev', 'nothing-here'], {})
  assert.deepEqual([plain.status, plain.stdout], [2, ''])
  assert.equal(plain.stderr.includes('\u001B'), false)
  const forced = { FORCE_COLOR: '1' }
  assert.ok(turnout(['dev', 'nothing-here'], forced).stderr.includes('\u001B[31m'))
  const without = turnout(['dev', 'nothing-here', '--no-color'], forced)
  assert.equal(without.stderr.includes('\u001B'), false)
})
