import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import type {
  RevisionRow,
  RolloutItem,
  StatusAnswer,
  TableDiff,
  VersionItem,
} from '../../src/admin/answers.ts'
import { createPaint, type Paint } from '../../src/cli/colour.ts'
import { printHistory } from '../../src/cli/instance/history.ts'
import { printPlan } from '../../src/cli/instance/plan.ts'
import { printPublished } from '../../src/cli/instance/print-changes.ts'
import { printTableDiff } from '../../src/cli/instance/print-diff.ts'
import {
  printRollout,
  printRolloutLine,
  printRollouts,
  shellWord,
} from '../../src/cli/instance/print-rollout.ts'
import { printVersions } from '../../src/cli/instance/versions.ts'
import { printProbed } from '../../src/cli/instance/probe.ts'
import { printInstanceRoutes } from '../../src/cli/instance/routes.ts'
import { printStatus } from '../../src/cli/instance/status.ts'
import { printUptime } from '../../src/cli/instance/uptime.ts'

const plain = createPaint(false)
const coloured = createPaint(true)
// oxlint-disable-next-line no-control-regex -- removes what the painter adds
const strip = (text: string): string => text.replaceAll(/\u001B\[\d+m/g, '')

/** Compares with a golden file; `TURNOUT_GOLDEN=write` writes it. */
const isGolden = (name: string, text: string): void => {
  const file = new URL(`../../../test/golden/cli/instance-${name}.txt`, import.meta.url)
  if (process.env['TURNOUT_GOLDEN'] === 'write') writeFileSync(file, text)
  assert.equal(text, readFileSync(file, 'utf8'))
}

/** Everything that is printed, with a text of the instance in as many places as there are. */
const printedWith = (name: string): Readonly<Record<string, (paint: Paint) => string>> => {
  const none = { upstreams: [], upstreamsAdded: [], upstreamsRemoved: [] }
  const change = { owner: 'admin', module: null, from: null, to: null, ...none }
  const edit = { ...change, added: [name], removed: ['old'], changed: [] }
  const module = { ...change, module: 'users', from: '1.2.0', to: '1.3.0' }
  const replaced = { ...module, added: ['a', 'b'], removed: [], changed: ['c'] }
  const row: RevisionRow = {
    number: 7,
    state: 'current',
    at: '2026-05-01T12:00:00.123Z',
    author: name,
    reason: 'a reason that is longer than what a row of the table can hold',
    digest: '0123',
    changes: [replaced, { ...edit, upstreams: ['u', 'v'], upstreamsAdded: ['v'] }],
    restores: null,
    takesBack: null,
    confirmBy: null,
    confirmation: null,
    problems: [],
  }
  const rows: readonly RevisionRow[] = [
    { ...row, confirmation: 'waiting', confirmBy: '2026-05-01T12:05:00.123Z' },
    { ...row, number: 6, state: 'rolled-back', reason: 'short', takesBack: 5, changes: [edit] },
    {
      ...row,
      number: null,
      state: 'rejected',
      reason: 'clash',
      changes: [],
      problems: [
        { code: 'TURNOUT_ROUTE_CONFLICT', detail: `${name} stands where b stands` },
        { code: 'TURNOUT_ROUTE_CONFLICT', detail: 'another' },
      ],
    },
    { ...row, number: 5, state: 'superseded', reason: '', restores: 3, confirmation: 'reverted' },
  ]
  const route = { id: name, owner: 'admin', path: '/a', methods: ['GET', 'PUT'] }
  const changes: TableDiff = {
    modules: {
      added: [],
      changed: [
        { before: { name: 'users', version: '1.2.0' }, after: { name: 'users', version: '1.3.0' } },
        { before: { name: 'b', version: '1.0.0' }, after: { name: 'b', version: '1.0.0' } },
      ],
      removed: [],
    },
    upstreams: {
      added: [
        { name: 'u', owner: 'admin', endpoints: [{ url: 'http://a:1' }, { url: 'http://b:1' }] },
      ],
      changed: [],
      removed: [],
    },
    routes: {
      added: [
        { ...route, target: { upstream: 'u' } },
        { ...route, id: '日本', paths: ['/b', '/c'], target: { redirect: { location: '/d' } } },
      ],
      changed: [
        {
          before: { ...route, target: { uri: 'http://a:1' }, revision: 1 },
          after: { ...route, target: { uri: 'http://b:1' }, revision: 2, order: 3 },
        },
      ],
      removed: [{ ...route, id: 'users#GET /x' }],
    },
    switches: [{ route: name, enabled: false }],
  }
  const view = { owner: 'admin', revision: 3, pattern: '/a/:id', state: 'on' } as const
  const status: StatusAnswer = {
    revision: 7,
    digest: '0123456789abcdef',
    isReady: false,
    reasons: [name, 'closing'],
    startedAt: '2026-05-01T12:00:00.000Z',
    routes: 1,
    upstreams: 0,
    modules: 2,
    diverged: [name],
    listeners: ['http://127.0.0.1:8080'],
    draining: [{ module: 'users', version: '1.2.0', exchanges: 3 }],
    store: 'local',
    rollouts: [
      { id: name, stable: '1', canary: '2', status: 'running', step: 0, steps: 4, weight: 5 },
    ],
    recovered: null,
    notLive: [],
    later: { more: true },
  }
  const figures = { requests: 12, errors: 1, errorRate: 1 / 12, p50Ms: 0.4, p95Ms: 18, p99Ms: 40 }
  const rollout: RolloutItem = {
    id: name,
    kind: 'module',
    name,
    owner: 'files',
    status: 'paused',
    step: 1,
    steps: ['verify 100 comparisons', name, 'analysis, 3 passes in a row', 'watch 10m'],
    stepSince: '2026-05-01T12:00:00.000Z',
    weight: 5,
    cohort: { predicates: [], weight: 50 },
    stable: { version: name, ...figures },
    canary: { version: '2.0.0', ...figures, requests: 0, errorRate: null, p50Ms: null },
    judgements: [
      { condition: name, verdict: 'pass', value: 1, limit: 2, text: name },
      { condition: 'p95 < 1', verdict: 'inconclusive', value: null, limit: 2, text: 'too few' },
      { condition: 'p50 < 1', verdict: 'error', value: null, limit: null, text: 'no figures' },
      { condition: 'p99 < 1', verdict: 'fail', value: 2, limit: 1, text: name },
    ],
    verify: {
      compared: 40,
      different: 12,
      differences: Array.from({ length: 12 }, (_, at) => ({
        place: `body /${at}/${name}`,
        count: 12 - at,
        noise: at,
        request: `GET /${name}`,
        stable: at === 0 ? null : `${name} in more than forty characters, far more`,
        canary: name,
      })),
      failed: 2,
    },
    startedAt: '2026-05-01T11:00:00.123Z',
    endedAt: null,
    author: name,
    reason: name,
    revision: 7,
    plan: {},
  }
  const over: RolloutItem = {
    ...rollout,
    status: 'promoted',
    step: 4,
    weight: 100,
    cohort: null,
    judgements: [],
    verify: null,
  }
  const version: VersionItem = {
    kind: 'module',
    name,
    version: '2.0.0',
    state: 'current',
    weight: 5,
    deprecatedAt: null,
    sunsetAt: '2026-12-31T00:00:00.000Z',
    share: 0.05,
    figures,
  }
  const now = Date.parse('2026-05-01T12:01:05.000Z')
  const found = { path: '/a/7', method: 'GET', pattern: '/a/:id', passedOver: [], refused: [] }
  return {
    rollout: (paint) => `${printRollout(rollout, now, paint)}\n${printRollout(over, now, paint)}`,
    'rollout-line': (paint) =>
      printRolloutLine(rollout, now, paint) + printRolloutLine(over, now, paint),
    rollouts: (paint) => printRollouts([rollout, over], paint),
    versions: (paint) =>
      printVersions([version, { ...version, weight: null, share: null, sunsetAt: null }], paint),
    history: (paint) => printHistory(rows, paint),
    diff: (paint) => printTableDiff(changes, paint),
    plan: (paint) =>
      printPlan(
        {
          base: 6,
          isAccepted: true,
          changes,
          problems: [],
          shadowed: [],
          loads: [{ module: name, version: '1.3.0', digest: '0123456789abcdef' }],
          retires: [{ module: 'users', version: '1.2.0' }],
        },
        paint,
      ),
    published: (paint) =>
      printPublished({ revision: 7, isChanged: true, changes: [replaced, edit] }, paint),
    routes: (paint) =>
      printInstanceRoutes(
        [
          { ...view, method: 'PUT', id: name, target: 'upstream u', state: 'off' },
          { ...view, method: 'GET', id: '日本', target: 'module users', version: '1.2.0' },
        ],
        7,
        paint,
      ),
    status: (paint) =>
      printStatus('http://127.0.0.1:7070', status, Date.parse('2026-05-01T15:12:40Z'), paint),
    probe: (paint) =>
      printProbed(
        'GET /a/7',
        {
          kind: 'match',
          ...found,
          segments: [{ text: '7', kind: 'param', name: 'id', value: '7' }],
          route: {
            id: name,
            owner: 'admin',
            target: { upstream: 'u' },
            module: null,
            version: '2.0.0',
            revision: 3,
            state: null,
            isGone: false,
          },
          choice: null,
          refusal: null,
          switchedOff: ['old#GET /a/:id'],
        },
        paint,
      ),
  }
}

for (const [name, print] of Object.entries(printedWith('shop'))) {
  test(`${name}: as in its golden file`, () => {
    isGolden(name, print(plain))
  })
  test(`${name}: colours change nothing but colours`, () => {
    assert.notEqual(print(coloured), print(plain))
    assert.equal(strip(print(coloured)), print(plain))
  })
}

test('text of an instance cannot steer the terminal', () => {
  const evil = '\u001B[2Jx\u0007\u202Ey\r\nz'
  for (const [name, print] of Object.entries(printedWith(evil)))
    for (const character of ['\u001B', '\u0007', '\u202E', '\r'])
      assert.equal(print(plain).includes(character), false, name)
})

const uptimes: readonly (readonly [number, string])[] = [
  [0, '0 s'],
  [59_999, '59 s'],
  [60_000, '1 min 0 s'],
  [11_520_000, '3 h 12 min'],
  [90_000_000, '1 d 1 h'],
  [-5, '0 s'],
]
for (const [ms, text] of uptimes)
  test(`${ms} ms is ${text}`, () => {
    assert.equal(printUptime(ms), text)
  })

for (const [id, word] of [
  ['users', 'users'],
  ['@acme/users', '@acme/users'],
  ['users#GET /:id', "'users#GET /:id'"],
  ["it's", `'it'\\''s'`],
] as const)
  test(`the id ${id} is ${word} for a shell`, () => {
    assert.equal(shellWord(id), word)
  })
