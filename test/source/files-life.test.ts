import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { createFilesSource } from '../../src/source/files.ts'
import type { Burst } from '../../src/source/ledger.ts'
import { follow, inSecondProcess, makeFolder, until, writeTree } from './folder.ts'

const eventsOnly = { pollMs: 3_600_000 }
const never = (problem: unknown): void => assert.fail(JSON.stringify(problem))
const codes = (burst: Burst | undefined): string[] =>
  (burst?.problems ?? []).map(({ code }) => code)
const filesUrl = pathToFileURL(join(import.meta.dirname, '../../src/source/files.js')).href
const turn = (ms: number): Promise<void> =>
  new Promise((done) => {
    setTimeout(done, ms)
  })

test('the start reports everything once, and problems with it', async (t) => {
  const root = makeFolder(t, { 'b.ts': 'b', 'a/index.js': 'a', 'c.ts': 'c', 'c.js': 'c' })
  const { source, bursts } = follow(t, root)
  await source.start()
  assert.equal(bursts.length, 1)
  assert.deepEqual(bursts[0]?.modules, [
    { name: 'a', path: join(root, 'a/index.js') },
    { name: 'b', path: join(root, 'b.ts') },
  ])
  assert.deepEqual(bursts[0]?.added, ['a', 'b'])
  assert.deepEqual(codes(bursts[0]), ['TURNOUT_FILES_NAME_TAKEN'])
  await source.rescan()
  assert.equal(bursts.length, 1)
})

test('an empty folder is reported at the start too', async (t) => {
  const { source, bursts } = follow(t, makeFolder(t, {}))
  await source.start()
  assert.deepEqual(bursts, [{ modules: [], added: [], changed: [], removed: [], problems: [] }])
})

for (const [mode, options] of [
  ['events', eventsOnly],
  ['polling', { watch: false }],
] as const) {
  test(`a missing folder is a problem until it appears (${mode})`, async (t) => {
    const root = makeFolder(t, {})
    const { source, bursts } = follow(t, join(root, 'far/routes'), options)
    await source.start()
    assert.deepEqual(codes(bursts[0]), ['TURNOUT_FILES_DIRECTORY_MISSING'])
    writeTree(root, { 'far/routes/users.ts': 'users' })
    await until(
      () => bursts.length > 1,
      () => 'the folder',
    )
    assert.deepEqual(bursts[1]?.added, ['users'])
    assert.deepEqual(bursts[1]?.problems, [])
  })

  test(`a folder that goes keeps what was served, and says so (${mode})`, async (t) => {
    const root = makeFolder(t, { 'routes/users.ts': 'users 1', 'routes/posts.ts': 'posts' })
    const { source, bursts } = follow(t, join(root, 'routes'), options)
    await source.start()
    renameSync(join(root, 'routes'), join(root, 'old'))
    await until(
      () => bursts.length > 1,
      () => 'the problem',
    )
    assert.deepEqual(codes(bursts[1]), ['TURNOUT_FILES_DIRECTORY_MISSING'])
    assert.deepEqual(bursts[1]?.removed, [])
    assert.equal(bursts[1]?.modules.length, 2)
    writeTree(root, { 'routes/users.ts': 'users 2' })
    await until(
      () => bursts.length > 2,
      () => 'the folder again',
    )
    assert.deepEqual(bursts[2]?.changed, ['users'])
    assert.deepEqual(bursts[2]?.removed, ['posts'])
    assert.deepEqual(bursts[2]?.problems, [])
  })

  test(`a module with a problem is held until it is solved (${mode})`, async (t) => {
    const root = makeFolder(t, { 'users.ts': 'users 1' })
    const { source, bursts } = follow(t, root, options)
    await source.start()
    writeTree(root, { 'users.js': 'users', 'users.ts': 'users 2' })
    await until(
      () => bursts.length > 1,
      () => 'the problem',
    )
    assert.deepEqual(codes(bursts[1]), ['TURNOUT_FILES_NAME_TAKEN'])
    assert.deepEqual(bursts[1]?.modules, [{ name: 'users', path: join(root, 'users.ts') }])
    assert.deepEqual([bursts[1]?.changed, bursts[1]?.removed], [[], []])
    unlinkSync(join(root, 'users.js'))
    await until(
      () => bursts.length > 2,
      () => 'the solution',
    )
    assert.deepEqual(bursts[2]?.changed, ['users'])
    assert.deepEqual(bursts[2]?.problems, [])
  })
}

test('a half-written file is never reported, while its neighbour is', async (t) => {
  const root = makeFolder(t, { 'slow.ts': 'whole', 'quick.ts': 'quick 1' })
  const texts: string[] = []
  const reports: string[][] = []
  const source = createFilesSource({
    directory: root,
    settleMs: 300,
    maxWaitMs: 500,
    onBurst: ({ changed }) => {
      reports.push([...changed])
      texts.push(readFileSync(join(root, 'slow.ts'), 'utf8'))
    },
    onError: never,
  })
  t.after(() => source.close())
  await source.start()
  const writing = inSecondProcess(
    root,
    `fs.writeFileSync('quick.ts', 'quick 2'); const file = fs.openSync('slow.ts', 'w')
     for (let i = 0; i < 150; i += 1) { fs.writeSync(file, '.'); wait(10) }
     fs.writeSync(file, 'end')`,
  )
  await until(
    () => reports.length > 1,
    () => 'the quick one',
  )
  assert.deepEqual(reports[1], ['quick'])
  await writing
  await until(
    () => reports.length > 2,
    () => 'the slow one',
  )
  assert.deepEqual(reports.slice(2), [['slow']])
  assert.match(texts[2] ?? '', /^\.{150}end$/)
})

test('one burst at a time: what comes while one is handled waits and is reported once', async (t) => {
  const root = makeFolder(t, { 'a.ts': '1', 'b.ts': '1' })
  const reports: string[][] = []
  let handling = 0
  let release = (): void => {}
  const source = createFilesSource({
    directory: root,
    onBurst: async ({ changed }) => {
      handling += 1
      assert.equal(handling, 1)
      reports.push([...changed])
      if (changed.includes('a')) {
        await new Promise<void>((done) => {
          release = done
        })
      }
      handling -= 1
    },
    onError: never,
  })
  t.after(() => source.close())
  await source.start()
  writeFileSync(join(root, 'a.ts'), '2')
  await until(
    () => reports.length === 2,
    () => 'a',
  )
  writeFileSync(join(root, 'b.ts'), '2')
  await turn(200)
  writeFileSync(join(root, 'b.ts'), '3')
  await turn(200)
  assert.equal(reports.length, 2)
  release()
  await until(
    () => reports.length === 3,
    () => 'b',
  )
  await source.rescan()
  assert.deepEqual(reports, [[], ['a'], ['b']])
})

test('an input that changed between the build and its report makes the module changed once more', async (t) => {
  const root = makeFolder(t, { 'routes/a.ts': 'a', 'lib/db.ts': 'db 1', 'lib/old.ts': 'old' })
  const reports: string[][] = []
  let builds = 0
  const source = createFilesSource({
    ...eventsOnly,
    directory: join(root, 'routes'),
    onBurst: ({ changed }) => {
      reports.push([...changed])
      builds += 1
      // The build has read db 1; then somebody saves, before the source knows of the file.
      if (builds === 1) writeFileSync(join(root, 'lib/db.ts'), 'db 2')
      source.watchInputs('a', [join(root, 'lib/db.ts'), join(root, 'lib/old.ts')])
    },
    onError: never,
  })
  t.after(() => source.close())
  await source.start()
  await until(
    () => reports.length === 2,
    () => 'the second build',
  )
  await source.rescan()
  assert.deepEqual(reports, [[], ['a']])
})

test('inputs that a build no longer reads are no longer watched', async (t) => {
  const root = makeFolder(t, { 'a.ts': "import './_b.ts'", '_b.ts': 'b 1' })
  const { source, bursts } = follow(t, root, eventsOnly)
  await source.start()
  writeFileSync(join(root, 'a.ts'), 'alone')
  await until(
    () => bursts.length === 2,
    () => 'a',
  )
  await source.rescan()
  writeFileSync(join(root, '_b.ts'), 'b 2')
  await source.rescan()
  assert.equal(bursts.length, 2)
})

test('a burst whose handling throws is reported as an error, and the next one comes', async (t) => {
  const root = makeFolder(t, { 'a.ts': '1' })
  const errors: string[] = []
  const reports: string[][] = []
  const source = createFilesSource({
    directory: root,
    onBurst: ({ changed }) => {
      reports.push([...changed])
      throw new Error('out of luck')
    },
    onError: ({ code, message }) => errors.push(`${code} ${message}`),
  })
  t.after(() => source.close())
  await source.start()
  writeFileSync(join(root, 'a.ts'), '2')
  await until(
    () => reports.length === 2,
    () => 'a',
  )
  await source.rescan()
  assert.equal(errors.length, 2)
  assert.match(errors[0] ?? '', /^TURNOUT_FILES_BURST_FAILED .*out of luck/)
})

test('a watch lost without a word is made good by the next scan', async (t) => {
  // A folder far below, reached by no event: its parents are not watched, and it is swapped twice.
  const root = makeFolder(t, {
    'routes/a.ts': "import '../x/y/z/db.ts'",
    'x/y/z/db.ts': 'db 1',
  })
  const { source, bursts } = follow(t, join(root, 'routes'), { pollMs: 50 })
  await source.start()
  for (let round = 2; round < 6; round += 1) {
    const next = join(root, `next${round}`)
    mkdirSync(join(next, 'y/z'), { recursive: true })
    writeFileSync(join(next, 'y/z/db.ts'), `db ${round}`)
    renameSync(join(root, 'x'), join(root, `old${round}`))
    renameSync(next, join(root, 'x'))
    await until(
      () => bursts.length === round,
      () => `round ${round}`,
    )
    appendFileSync(join(root, `old${round}`, 'y/z/db.ts'), 'nobody reads this')
  }
  await source.rescan()
  assert.equal(bursts.length, 5)
})

const limited = `echo 2 > /proc/sys/user/max_inotify_watches && exec "$@"`
const canLimit =
  spawnSync('unshare', ['-Ur', 'sh', '-c', limited, 'sh', 'true'], { stdio: 'ignore' }).status === 0

test(
  "at the kernel's limit of watches polling takes over, with one warning",
  { skip: canLimit ? false : 'needs a user namespace of its own to lower the limit' },
  async (t) => {
    const root = makeFolder(t, { 'a/index.ts': '1', 'b/index.ts': '1', 'c/index.ts': '1' })
    const script = `import { createFilesSource } from ${JSON.stringify(filesUrl)}
      import { writeFileSync } from 'node:fs'
      const say = (...words) => console.log(words.join(' '))
      const source = createFilesSource({ directory: ${JSON.stringify(root)}, pollMs: 50,
        onBurst: ({ added, changed }) => {
          say('added', added, 'changed', changed)
          if (changed.length > 0) clearInterval(alive)
        },
        onError: ({ code }) => say(code) })
      const alive = setInterval(() => {}, 1000)
      await source.start()
      writeFileSync('${root}/c/index.ts', '2')`
    const node = [process.execPath, '--input-type=module', '-e', script]
    const { stdout } = spawnSync('unshare', ['-Ur', 'sh', '-c', limited, 'sh', ...node], {
      encoding: 'utf8',
      timeout: 20_000,
    })
    const expected = ['TURNOUT_FILES_WATCH_FAILED', 'added a,b,c changed ', 'added  changed c', '']
    assert.equal(stdout, expected.join('\n'))
  },
)

const inotifyWatches = (): number =>
  readdirSync('/proc/self/fdinfo').reduce((sum, file) => {
    try {
      const text = readFileSync(join('/proc/self/fdinfo', file), 'utf8')
      return sum + (text.match(/^inotify /gm)?.length ?? 0)
    } catch {
      return sum
    }
  }, 0)

test('close ends every watch, and nothing is reported after', async (t) => {
  const root = makeFolder(t, { 'a.ts': '1', 'shop/index.ts': '1' })
  const before = process.platform === 'linux' ? inotifyWatches() : 0
  const { source, bursts } = follow(t, root)
  await source.start()
  if (process.platform === 'linux') assert.ok(inotifyWatches() > before)
  writeFileSync(join(root, 'a.ts'), '2')
  await source.close()
  if (process.platform === 'linux') assert.equal(inotifyWatches(), before)
  await turn(400)
  assert.equal(bursts.length, 1)
  await source.rescan()
  await source.close()
})

test('close may be called while a burst is handled', async (t) => {
  const root = makeFolder(t, { 'a.ts': '1' })
  const source = createFilesSource({
    directory: root,
    onBurst: () => source.close(),
    onError: never,
  })
  await source.start()
})

test('a source keeps no process alive, but its start does', async (t) => {
  const root = makeFolder(t, { 'a.ts': '1' })
  const script = `import { createFilesSource } from ${JSON.stringify(filesUrl)}
    const source = createFilesSource({ directory: ${JSON.stringify(root)}, settleMs: 200,
      onBurst: ({ added }) => console.log(added.join()), onError: console.log })
    await source.start(); console.log('started')`
  rmSync(join(root, 'a.ts'))
  writeFileSync(join(root, 'b.ts'), 'just written, so the start waits')
  const child = spawn(process.execPath, ['--input-type=module', '-e', script])
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const code = await new Promise((done) => child.once('exit', done))
  assert.equal(output, 'b\nstarted\n')
  assert.equal(code, 0)
})
