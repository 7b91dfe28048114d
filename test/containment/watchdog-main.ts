// A process with a containment and nothing else: `MODE` says what it does, standard output what was told.
import { pbkdf2Sync } from 'node:crypto'
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { silentLogger } from '../../src/core/logger.ts'
import type { Exchange } from '../../src/gateway/exchange.ts'
import { Reply } from '../../src/gateway/reply.ts'
import { ModuleVersion } from '../../src/modules/module-version.ts'
import { openContainment } from '../../src/worker/containment/containment.ts'

const [, , mode = ''] = process.argv
const say = (what: object): void => console.log(JSON.stringify(what))

if (mode === 'parent') {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'orphan'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  say({ child: child.pid })
} else {
  const containment = openContainment({
    log: silentLogger,
    thresholdMs: 300,
    blockedMs: 900,
    reportFd: mode === 'block' ? 3 : null,
    diesWithParent: mode === 'orphan',
    onOffence: (offence) => say(offence),
  })
  const version = new ModuleVersion({
    definition: {
      name: 'native',
      version: '1.0.0',
      state: null,
      register: () => undefined as never,
    } as never,
    key: 'native',
    digest: 'd1',
    services: {},
    log: silentLogger,
    guard: containment,
    drainMs: 1,
    streamDrainMs: 1,
  })
  const handler = containment.handler(version, () => {
    if (mode === 'block') pbkdf2Sync('a', 'b', 2 ** 31 - 1, 64, 'sha512')
    return new Reply(200, [], null)
  })
  const exchange = { method: 'GET', path: '/' } as Exchange
  setInterval(() => void handler(exchange), 10)
  setTimeout(() => say({ pid: process.pid }), 500)
}
