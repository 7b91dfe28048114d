import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { TurnoutError } from '../../src/core/errors.ts'
import type { Json } from '../../src/core/json.ts'
import { sealLine } from '../../src/store/chain.ts'
import { Author, listed, makeFolder, openAt } from './support/folder.ts'

/** Every state that was published, by what it looks like. */
type Published = ReadonlyMap<string, number>

const looks = (objects: Iterable<{ key: string; value: Json }>): string =>
  JSON.stringify(listed(objects))

interface Original {
  readonly directory: string
  readonly published: Published
  readonly newest: number
}

/** A store with several segments and checkpoints, and what was published in it: closed, or left as by kill -9. */
const build = async (isClosed: boolean): Promise<Original> => {
  const directory = makeFolder()
  const { store, idle } = await openAt(directory, { checkpointBytes: 3500 })
  const author = await Author.open(store)
  const published = new Map<string, number>()
  for (let at = 0; at < 60; at += 1) {
    if (at % 10 === 9) await author.note({ rejected: at })
    const number = await author.put({ [`key${at % 20}`]: { at, text: 'x'.repeat(60) } })
    published.set(looks([...author.objects].map(([key, value]) => ({ key, value }))), number)
    await idle()
  }
  const newest = author.number
  if (isClosed) await store.close()
  const left = makeFolder()
  cpSync(join(directory, 'revisions'), join(left, 'revisions'), { recursive: true })
  await store.close()
  return { directory: left, published, newest }
}

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
let chance = seed
/** Mulberry's 32 bits: enough to choose places. */
const below = (limit: number): number => {
  chance = (chance + 0x6d2b79f5) | 0
  let mixed = Math.imul(chance ^ (chance >>> 15), 1 | chance)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
}

const edit = (path: string, change: (bytes: Buffer) => Buffer | void): void => {
  const bytes = readFileSync(path)
  writeFileSync(path, change(bytes) ?? bytes)
}

const isSame = (path: string, before: Buffer): boolean =>
  existsSync(path) && statSync(path).isFile() && readFileSync(path).equals(before)

const damages: Readonly<Record<string, (path: string) => void>> = {
  'truncated to nothing': (path) => truncateSync(path, 0),
  'truncated anywhere': (path) => edit(path, (bytes) => bytes.subarray(0, below(bytes.length))),
  "truncated at a line's end": (path) =>
    edit(path, (bytes) => bytes.subarray(0, bytes.lastIndexOf(10, bytes.length - 2) + 1)),
  'one bit flipped': (path) =>
    edit(path, (bytes) => {
      bytes[below(bytes.length)]! ^= 1 << below(8)
    }),
  'one bit flipped in its first line': (path) =>
    edit(path, (bytes) => {
      bytes[below(bytes.indexOf(10))]! ^= 1 << below(8)
    }),
  'a block zeroed': (path) =>
    edit(path, (bytes) => {
      const at = below(bytes.length)
      bytes.fill(0, at, Math.min(bytes.length, at + 512))
    }),
  'all of it zeroed': (path) => edit(path, (bytes) => bytes.fill(0)),
  deleted: (path) => rmSync(path),
  'garbage appended': (path) =>
    edit(path, (bytes) => Buffer.concat([bytes, Buffer.from('garbage\n{"hash":"00"}\nand more')])),
  'replaced by garbage': (path) => writeFileSync(path, 'garbage'),
  'replaced by a folder': (path) => {
    rmSync(path)
    mkdirSync(path)
  },
  'two lines swapped': (path) =>
    edit(path, (bytes) => {
      const lines = bytes.toString().split('\n')
      if (lines.length < 4) return Buffer.from('')
      const [line] = lines.splice(1, 1)
      lines.splice(2, 0, line!)
      return Buffer.from(lines.join('\n'))
    }),
  'of a newer schema': (path) =>
    edit(path, (bytes) => {
      const [first, ...rest] = bytes.toString().split('\n')
      const { entry } = JSON.parse(first!) as { entry: object }
      const { line } = sealLine('', JSON.stringify({ ...entry, schema: 2 }))
      return Buffer.from([line.trimEnd(), ...rest].join('\n'))
    }),
  'replaced by another of its kind': (path) => {
    const folder = join(path, '..')
    const kind = /[a-z]+-/.exec(path.slice(folder.length))?.[0]
    const other = readdirSync(folder).find(
      (name) => kind && name.startsWith(kind) && !path.endsWith(name),
    )
    if (other === undefined) rmSync(path)
    else cpSync(join(folder, other), path)
  },
}

const original = await build(true)
const killed = await build(false)
const files = readdirSync(join(original.directory, 'revisions')).sort()

const copy = (of = original): string => {
  const directory = makeFolder()
  cpSync(of.directory, directory, { recursive: true })
  return directory
}

describe(`a damaged store (SEED=${seed})`, () => {
  it('was built with several of each file', () => {
    assert.ok(files.filter((name) => name.startsWith('journal')).length > 3, files.join())
    assert.ok(files.filter((name) => name.startsWith('checkpoint')).length > 2, files.join())
    assert.ok(files.includes('inventory.json'))
  })

  it('is not one that is whole', async () => {
    const { store, recovery, verified, warnings } = await openAt(copy())
    await verified
    assert.deepEqual([recovery, warnings], [null, []])
    assert.equal((await store.read())!.number, original.newest)
    for (const [state, number] of original.published)
      assert.equal(looks((await store.read(number))!.objects), state)
    await store.close()
  })

  for (const [kind, damage] of Object.entries(damages))
    it(`${kind}: never serves what was not published, is loud, and numbers go on`, async () => {
      for (const file of files)
        for (let round = 0; round < (kind.includes('bit') ? 3 : 1); round += 1) {
          const directory = copy()
          const path = join(directory, 'revisions', file)
          const before = readFileSync(path)
          damage(path)
          if (isSame(path, before)) continue
          await check(directory, `${file}, ${kind}`, original)
        }
    })

  it('several files at once: the same', async () => {
    const kinds = Object.values(damages)
    for (let round = 0; round < 60; round += 1) {
      const directory = copy()
      const damaged: string[] = []
      for (let count = 0; count < 2 + below(3); count += 1) {
        const file = files[below(files.length)]!
        const path = join(directory, 'revisions', file)
        if (damaged.some((done) => done.startsWith(file))) continue
        const at = below(kinds.length)
        kinds[at]!(path)
        damaged.push(`${file} ${Object.keys(damages)[at]}`)
      }
      // Without the inventory nobody can know what was cut off at the end.
      const isListed = !damaged.join().includes('inventory')
      await check(directory, damaged.join(', '), original, { isListed })
    }
  })

  it('left by kill -9: the same, but what is cut off at the very end may have been unacknowledged', async () => {
    const names = readdirSync(join(killed.directory, 'revisions')).sort()
    const last = names.filter((name) => name.startsWith('journal')).at(-1)!
    for (const [kind, damage] of Object.entries(damages))
      for (const file of names) {
        const directory = copy(killed)
        const path = join(directory, 'revisions', file)
        const before = readFileSync(path)
        damage(path)
        if (isSame(path, before)) continue
        const isEnd = file === last
        await check(directory, `${file}, ${kind}`, killed, { isListed: !isEnd, isLoud: !isEnd })
      }
  })

  it('with nothing that verifies is refused, and left as it is', async () => {
    const directory = copy()
    const folder = join(directory, 'revisions')
    for (const file of files) edit(join(folder, file), (bytes) => bytes.fill(0))
    const before = readdirSync(folder).sort()
    await assert.rejects(openAt(directory), { code: 'TURNOUT_STORE_DAMAGED' })
    assert.deepEqual(readdirSync(folder).sort(), before)
    await assert.rejects(openAt(directory), { code: 'TURNOUT_STORE_DAMAGED' })
  })

  it('whose files may not be read is not taken for damaged', (t) => {
    if (process.getuid?.() !== 0) {
      t.skip('1 case left out: another user can be had as root only')
      return
    }
    const directory = copy()
    const folder = join(directory, 'revisions')
    const before = readdirSync(folder).sort()
    chmodSync(join(directory, '..'), 0o711)
    for (const path of [directory, folder]) chownSync(path, 65_534, 65_534)
    const script = `
      import { openLocalStore } from ${JSON.stringify(new URL('../../src/store/local.js', import.meta.url).href)}
      process.setgid(65534)
      process.setuid(65534)
      await openLocalStore({ directory: ${JSON.stringify(directory)}, onWarning() {} })
    `
    const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    })
    assert.match(stderr, /TURNOUT_STORE_FAILED/)
    assert.match(stderr, /EACCES/)
    assert.deepEqual(readdirSync(folder).sort(), before)
  })

  it('keeps the newest ten damaged files', async () => {
    const directory = copy()
    for (let round = 0; round < 14; round += 1) {
      const { store, idle } = await openAt(directory, { checkpointBytes: 1 })
      const author = await Author.open(store)
      await author.put({ round })
      await idle()
      await store.close()
      const folder = join(directory, 'revisions')
      const checkpoint = readdirSync(folder)
        .filter((name) => name.startsWith('check'))
        .sort()
        .at(-1)!
      truncateSync(join(folder, checkpoint), 10)
    }
    assert.equal(readdirSync(join(directory, 'revisions/damaged')).length, 10)
  })
})

/** What must hold of a damaged store, whatever the damage. */
const check = async (
  directory: string,
  what: string,
  { published, newest }: Original,
  { isListed = true, isLoud = true } = {},
): Promise<void> => {
  let opened
  try {
    opened = await openAt(directory)
  } catch (error) {
    // Refusing is right where no revision is left.
    assert.ok(
      error instanceof TurnoutError && error.code === 'TURNOUT_STORE_DAMAGED',
      `${what}: ${error}`,
    )
    return
  }
  const { store, recovery, verified, warnings } = opened
  await verified
  const state = (await store.read())!
  const number = published.get(looks(state.objects))
  assert.ok(number !== undefined, `${what}: serves what was never published`)
  assert.ok(!isLoud || recovery !== null || warnings.length > 0, `${what}: silent`)
  if (isListed) {
    assert.ok(state.number >= newest, `${what}: the newest number went back to ${state.number}`)
    assert.ok(state.number > newest || number === newest, `${what}: a number means two tables`)
  }
  for (const [looked, at] of published) {
    if (at % 5 !== 0) continue
    const kept = await store.read(at).catch((error: unknown) => {
      assert.ok(error instanceof TurnoutError, what)
      return null
    })
    if (kept !== null) assert.equal(looks(kept.objects), looked, `${what}: revision ${at}`)
  }
  const author = await Author.open(store)
  assert.equal(await author.put({ after: what }), state.number + 1)
  const expected = looks((await store.read())!.objects)
  await store.close()

  const again = await openAt(directory)
  await again.verified
  assert.deepEqual([again.recovery, again.warnings], [null, []], `${what}: not repaired`)
  const reopened = (await again.store.read())!
  assert.deepEqual([reopened.number, looks(reopened.objects)], [state.number + 1, expected], what)
  await again.store.close()
}
