import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createAdminClient } from '../../src/admin/client.ts'
import { makeFolder, startServe, type Served } from '../hot/support/served.ts'
import { get } from './support/client.ts'
import { share, startProber } from './support/prober.ts'
import { ok, openRecording } from './support/recording.ts'

const connections = 1_000
const seconds = 60

/** More than 64 KB. What systems keep of 1,000 much larger ones is more than they let all programs have together. */
const large = ok('x'.repeat(100_000))

/** Words of slowhttptest for each attack, but for those that they share. */
const attacks: Readonly<Record<string, readonly string[]>> = {
  'slow heads': ['-H', '-i', '10'],
  'slow bodies': ['-B', '-i', '10', '-s', '8192'],
  'many ranges': ['-R', '-t', 'HEAD', '-a', '10', '-b', '1500'],
  'slow readers': ['-X', '-w', '512', '-y', '1024', '-n', '5', '-z', '32', '-k', '3'],
}

/** One route that answers by itself, and one that leads elsewhere. */
const publish = async ({ admin, data }: Served, upstreamUrl: string): Promise<void> => {
  const token = readFileSync(join(data, 'admin-token'), 'utf8').trim()
  const client = createAdminClient({ url: admin, token })
  const bodies = [
    { id: 'here', path: '/here', target: { respond: { status: 200, body: 'here' } } },
    { id: 'there', path: '/there/*rest', target: { uri: upstreamUrl } },
  ]
  for (const body of bodies) {
    const made = await client.createRoute({ body })
    assert.equal(made.ok && made.status, 201, JSON.stringify(made))
  }
}

const memoryOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

const filesOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

const hasTool = spawnSync('slowhttptest', ['-h']).error === undefined

for (const [name, words] of Object.entries(attacks)) {
  test(`${name}, ${connections} of them: everybody else is served throughout`, async (t) => {
    if (!hasTool) return t.skip('slowhttptest is not installed')
    const recording = await openRecording(t, {
      answer: ({ target }) => (target.startsWith('/there/large') ? large : ok('there')),
    })
    const served = await startServe(t, makeFolder(t))
    await publish(served, recording.url)
    const { pid, port } = served
    const requests = [get('/here'), get('/there/small'), get('/there/large')]
    const idle = startProber(port, requests, 50)
    await delay(5_000)
    const calm = await idle.stop()
    await delay(1_000)
    const before = { memory: memoryOf(pid), files: filesOf(pid) }
    const most = { memory: 0, files: 0 }
    const watch = setInterval(() => {
      most.memory = Math.max(most.memory, memoryOf(pid))
      most.files = Math.max(most.files, filesOf(pid))
    }, 250)
    const prober = startProber(port, requests, 50)
    const url = `http://127.0.0.1:${port}/there/large`
    const shared = ['-c', String(connections), '-r', '200', '-l', String(seconds), '-u', url]
    const tool = spawn('slowhttptest', [...words, ...shared], { stdio: ['ignore', 'pipe', 'pipe'] })
    t.after(() => tool.kill('SIGKILL'))
    let said = ''
    tool.stdout.setEncoding('latin1').on('data', (text: string) => (said += text))
    await new Promise((resolve) => tool.once('close', resolve))
    const probed = await prober.stop()
    clearInterval(watch)
    const unavailable = said.match(/service available:[^\n]*NO/g)?.length ?? 0
    const ended = /Test ended on (.*)\n[^]*?(Exit status.*)/.exec(said)
    t.diagnostic(`slowhttptest ${[...words, ...shared].join(' ')}`)
    t.diagnostic(
      `${unavailable} times not available by its own probe; ${ended?.[0].replaceAll('\n', '; ')}`,
    )
    t.diagnostic(
      `${probed.failures.length} of ${probed.count} probes failed; p50 ${share(probed, 0.5)} ms, p99 ${share(probed, 0.99)} ms, most ${share(probed, 1)} ms; calm p50 ${share(calm, 0.5)} ms, p99 ${share(calm, 0.99)} ms`,
    )
    t.diagnostic(
      `memory ${Math.round(before.memory)} MB, at most ${Math.round(most.memory)} MB; files ${before.files}, at most ${most.files}`,
    )
    assert.ok(said.includes('service available'), said.slice(-2_000))
    assert.deepEqual([...new Set(probed.failures)].slice(0, 20), [])
    assert.equal(unavailable, 0)
    const ranges = recording.seen.filter(({ fields }) =>
      fields.some(([field]) => field === 'range'),
    )
    const came = Math.max(most.files - before.files, ranges.length)
    assert.ok(came > connections / 4, 'the attack did not come about')
    for (let left = 100; left > 0 && filesOf(pid) > before.files + 8; left -= 1) await delay(200)
    assert.ok(filesOf(pid) <= before.files + 8, `${filesOf(pid)} files are open still`)
  })
}
