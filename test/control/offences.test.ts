import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Revision } from '../../src/control/change.ts'
import { Offences } from '../../src/control/offences.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { setKey } from '../../src/core/persistent-map.ts'
import type { ModuleReference } from '../../src/core/route/route.ts'
import { emptyTable, type Table } from '../../src/core/route/table.ts'
import type { Offence, OffenceKind } from '../../src/worker/containment/offence.ts'

const serving = (digest: string): Table => {
  const reference = { name: 'users', version: digest, digest } as ModuleReference
  return { ...emptyTable, modules: setKey(emptyTable.modules, 'users', reference) }
}

const offence = (kind: OffenceKind, digest: string | null = 'new', count = 1): Offence => ({
  module: 'users',
  version: digest,
  digest,
  kind,
  detail: 'it did',
  count,
  exchange: null,
})

interface Step {
  readonly at: number
  readonly offence: Offence
}

function open(probationMs: number | null, mark: Partial<Revision> = {}) {
  const clock = { now: 0 }
  const done: string[] = []
  const offences = new Offences({
    control: {
      takeBack: (number) => {
        done.push(`take back ${number}`)
        return Promise.resolve({ revision: null, rejections: [], durationMs: 0 })
      },
      quarantine: (digest) => void done.push(`quarantine ${digest}`),
    },
    probationMs,
    log: silentLogger,
    now: () => clock.now,
  })
  const revision = { number: 7, takesBack: null, restores: null, ...mark } as Revision
  offences.applied(revision, serving('old'), serving('new'))
  const run = async (steps: readonly Step[]): Promise<readonly string[]> => {
    for (const { at, offence } of steps) {
      clock.now = at
      await offences.tell(offence)
    }
    return done
  }
  return { offences, run }
}

const gone = ['quarantine new', 'take back 7']
const loop = offence('loop')

const cases: readonly {
  readonly name: string
  readonly probationMs?: number | null
  readonly mark?: Partial<Revision>
  readonly steps: readonly Step[]
  readonly done: readonly string[]
}[] = [
  {
    name: 'the third harm in its probation takes a version back, once',
    steps: [1, 2, 3, 4, 5, 6, 7].map((at) => ({ at, offence: loop })),
    done: gone,
  },
  {
    name: 'two are not enough',
    steps: [1, 2].map((at) => ({ at, offence: loop })),
    done: [],
  },
  {
    name: 'loops, blocks and crashes add up',
    steps: (['crashed', 'loop', 'blocked'] as const).map((kind, at) => ({
      at,
      offence: offence(kind),
    })),
    done: gone,
  },
  {
    name: 'what was counted together counts as often',
    steps: [{ at: 1, offence: offence('loop', 'new', 3) }],
    done: gone,
  },
  {
    name: 'errors, rejections and exits are left to the rates of probation',
    steps: (['error', 'rejection', 'exit', 'error', 'exit'] as const).map((kind, at) => ({
      at,
      offence: offence(kind),
    })),
    done: [],
  },
  {
    name: 'after its probation nothing is taken back',
    steps: [1, 2, 60_001].map((at) => ({ at, offence: loop })),
    done: [],
  },
  {
    name: 'without probation nothing is taken back',
    probationMs: null,
    steps: [1, 2, 3].map((at) => ({ at, offence: loop })),
    done: [],
  },
  {
    name: 'harm of another version does not count',
    steps: [1, 2, 3].map((at) => ({ at, offence: offence('loop', 'old') })),
    done: [],
  },
  {
    name: 'harm that nobody is known for does not count',
    steps: [1, 2, 3].map((at) => ({ at, offence: offence('loop', null) })),
    done: [],
  },
  {
    name: 'who came last is suspected where a worker ended, and nobody is known for it',
    steps: [1, 2, 3].map((at) => ({ at, offence: offence('crashed', null) })),
    done: gone,
  },
  {
    name: 'long after an apply nobody is suspected',
    steps: [60_001, 60_002, 60_003].map((at) => ({ at, offence: offence('crashed', null) })),
    done: [],
  },
  {
    name: 'a version that somebody went back to stays',
    mark: { restores: 5 },
    steps: [1, 2, 3].map((at) => ({ at, offence: loop })),
    done: [],
  },
]

for (const { name, probationMs = 60_000, mark = {}, steps, done } of cases) {
  test(name, async () => {
    assert.deepEqual(await open(probationMs, mark).run(steps), done)
  })
}

test('offences of a module are counted by version and kind', async () => {
  const { offences, run } = open(null)
  await run([
    { at: 1, offence: offence('error', 'old', 40) },
    { at: 2, offence: loop },
    { at: 3, offence: offence('error', 'old') },
  ])
  const counts = offences.of('users').map(({ digest, counts }) => ({ digest, ...counts }))
  assert.deepEqual(counts, [
    { digest: 'new', loop: 1 },
    { digest: 'old', error: 41 },
  ])
  assert.deepEqual(offences.of('others'), [])
})
