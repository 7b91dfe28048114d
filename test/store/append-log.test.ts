import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { failpoints } from '../../src/core/failpoint.ts'
import { openAppendLog } from '../../src/store/append-log.ts'
import { writeDurably } from '../../src/store/durable-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'turnout-durable-'))
after(() => rmSync(folder, { recursive: true, force: true }))

describe('an append log', () => {
  it('has every line once, in the order of the calls, when appends run together', async () => {
    const path = join(folder, 'together.log')
    const log = await openAppendLog(path)
    const lines = Array.from({ length: 500 }, (_, at) => `line ${at}`)
    await Promise.all(lines.map((line) => log.append(line)))
    await log.close()
    assert.equal(readFileSync(path, 'utf8'), `${lines.join('\n')}\n`)
    assert.equal(statSync(path).mode & 0o777, 0o600)
  })

  it('goes on where it ended, and cuts a line that was not finished', async () => {
    const path = join(folder, 'torn.log')
    const first = await openAppendLog(path)
    await first.append('one')
    await first.close()
    appendFileSync(path, `half of a line${'x'.repeat(200_000)}`)
    const second = await openAppendLog(path)
    await second.append('two')
    await second.close()
    assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\n')
  })

  it('refuses lines with a break, and lines after close', async () => {
    const log = await openAppendLog(join(folder, 'refused.log'))
    await assert.rejects(log.append('a\nb'), { code: 'TURNOUT_STORE_FAILED' })
    await log.close()
    await assert.rejects(log.append('late'), { code: 'TURNOUT_STORE_FAILED' })
  })

  it('says which folder is missing', async () => {
    await assert.rejects(openAppendLog(join(folder, 'no/such.log')), {
      code: 'TURNOUT_STORE_FAILED',
      message: /ENOENT/,
    })
  })
})

describe('a durable write', () => {
  const arrows = ['beforeWrite', 'afterWrite', 'afterSync', 'afterRename'] as const
  for (const arrow of arrows) {
    it(`that fails at ${arrow} leaves one whole file and no draft`, async () => {
      const path = join(folder, `${arrow}.txt`)
      writeFileSync(path, 'old')
      failpoints.reach = (name) => {
        if (name === `here.${arrow}`) throw new Error('EIO')
      }
      try {
        await assert.rejects(writeDurably(path, 'new', 'here'), /EIO/)
      } finally {
        failpoints.reach = null
      }
      assert.equal(readFileSync(path, 'utf8'), arrow === 'afterRename' ? 'new' : 'old')
      assert.deepEqual(
        readdirSync(folder).filter((name) => name.endsWith('.tmp')),
        [],
      )
    })
  }

  it('replaces the file, with mode 0600', async () => {
    const path = join(folder, 'token')
    await writeDurably(path, 'one')
    await writeDurably(path, Buffer.from('two'))
    assert.equal(readFileSync(path, 'utf8'), 'two')
    assert.equal(statSync(path).mode & 0o777, 0o600)
  })
})
