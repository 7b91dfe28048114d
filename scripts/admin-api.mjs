// Writes docs/reference/admin-api.md from the table of resources in src/admin/. A test fails when it is stale.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root, run, setup } from './setup.mjs'

const head = `# Admin API

JSON over HTTP on a listener of its own, by default \`http://127.0.0.1:7070\`. \`GET /api/openapi.json\` has every
schema (OpenAPI 3.1); \`turnout/admin-client\` is a typed client. The guide is [admin-api.md](../guide/admin-api.md).

This page is written by \`node scripts/admin-api.mjs\`.

## Operations

A scope of \`write\` is any \`write:...\`; what it covers is checked for each object. \`change\` is any scope that
changes something.

`

const tail = `
Every answer to a change comes when requests that start from then on are served by it, and has the revision that serves
it in \`Turnout-Revision\`. An id in a path is percent-encoded as a whole: \`users%23GET%20%2Fusers\`.

## Query

- \`limit\` (1 to 1000, by default 100) and \`after\` (\`next\` of the page before) for lists, \`owner\` for routes and
  upstreams.
- \`reason\`: kept in the history.
- \`beside=true\` of \`POST /api/modules\`: the version is published at weight 0 beside the one in service, which stays; without
  \`If-Match\`, because nothing that is there changes.
- \`confirmWithin\` (\`30s\`, \`5m\`, \`1h\`; 1 s to 24 h): the change is taken back unless it is confirmed.
- \`force=true\`: a change of something that is there without \`If-Match\` or \`based_on\`.
- \`dryRun=true\` of \`POST /api/changes\`: the plan, and nothing is changed.
- \`wait=applied\`: what is waited for, and the only value.

An unknown parameter is an error.

## Fields

- \`Authorization: Bearer TOKEN\`: every operation but \`/healthz\` and \`/readyz\`.
- \`ETag\`: the revision that last touched an item. \`If-Match\` with it makes a change of just that state; 412 with the
  newest \`ETag\` where somebody came before, 428 where it is missing. \`If-Match: *\` is any state.
- \`If-None-Match: *\`: \`PUT\` adds, and never replaces. With an \`ETag\`: \`GET\` of what is the same is 304.
- \`Idempotency-Key\`: the same key of the same token with the same request is answered as the first time, for 24 hours
  and at most 10,000 keys; with another request it is 422, while the first runs 409. Kept in memory only: after a restart
  a repeated request is a new one.
- \`Last-Event-ID\`: events go on after it. \`reset\` says that what was missed is not known any more.
- \`Turnout-Request-Id\`: names the request in the log and in the audit log.
- \`Retry-After\`: seconds, with 429 and 503.

The paths of \`/actuator/gateway\` do as Spring Cloud Gateway does: the last writer wins, no \`If-Match\` is needed, and
an invalid definition is 400.

## Events

\`GET /api/events\` tells what happens, as server-sent events whose data are JSON:

- \`applied\`: a revision is served. \`rejected\`: a change set was refused, in whole or in part.
- \`retired\`: the last exchange left a version that was replaced.
- \`source\`: something is wrong with a [source of rules](../guide/redis.md), or (\`problem\` null) nothing is any more.
- \`upstream\`: an endpoint or a breaker changed its state, or a name gives no address.
- \`rollout\`: a rollout changed, and about each second while one is under way: what \`GET /api/rollouts/{id}\` answers.
- \`probation\`: a plain change was watched long enough, \`passed\`; or it made things worse, \`breached\`, and was taken back by the
  revision \`takenBackBy\`. \`reason\`, \`judgements\` and the figures \`before\` and \`since\` say why.
- \`offence\`: code of a module did something to the process, and it was [contained](../guide/containment.md): \`kind\`, \`detail\`,
  \`count\`, and \`module\`, \`version\`, \`digest\`, \`exchange\`, which are null where they cannot be told.
- \`resource\`: something [runs short or does not end](../guide/resources.md) (\`level\` \`over\`), or is well again (\`under\`): \`resource\`,
  \`value\`, \`threshold\`, and \`worker\`, null for the process that decides.
- \`leak\`: a replaced module version should be gone, and is held: \`holders\`, with their lines, and a \`reason\`.
- \`reset\`: what was missed is not known any more.

## Scopes

- \`read\`: everything that is listed and explained.
- \`write:OWNER\`: objects of an owner. The API's own objects have the owner \`admin\`.
- \`write:/PATH\`: routes all of whose paths lie under it, before and after the change. No upstreams.
- \`deploy\`: modules and their rollouts, and plans with modules, because planning a module runs its code.
- \`rollback\`: going back, confirming what others made, pausing and aborting rollouts.
- \`admin\`: all of it, and tokens.

The rollout of a route or an upstream is started and moved by who may write it. No scope but \`admin\` implies another. An object of another owner is not edited (409), but its routes can be switched off
and on by who may write them.

## Errors

Problems of RFC 9457 (\`application/problem+json\`) with a stable \`code\` from [errors.md](errors.md):

\`\`\`json
{
  "title": "Unprocessable Entity",
  "status": 422,
  "code": "TURNOUT_INPUT_INVALID",
  "detail": "The body has 1 problem",
  "problems": [
    {
      "code": "TURNOUT_DEFINITION_INVALID",
      "detail": "The definition is not valid: a route has either path or paths",
      "pointer": "/routes/put/0"
    }
  ]
}
\`\`\`

## Limits

- Bodies: 1 MiB of JSON, 32 MiB where a module is in them; 32 levels. A key that stands twice is an error.
- Changes: 200 a second for each token, 400 at once after a pause; beyond, 429. 1,000 may be under way; beyond, 503.
- 100 clients follow events; one that does not read is cut off.
- Five wrong tokens in a row lock an address out for a second, then for two, up to a minute; right tokens are let in.

## Files

In the data folder, readable by their owner only:

- \`admin-token\`: the first token, which may do everything. Refused where others may read it. \`TURNOUT_ADMIN_TOKEN\` (32
  characters or more) stands in its place.
- \`tokens.json\`: SHA-256 of tokens, never tokens.
- \`audit.ndjson\`: who changed what, from where, and what it came to. Each line has the hash of the line before; a line is
  on the disk before its change is made. \`audit.head\` knows how long the log has to be. A log that was changed is put
  aside at the next start, loudly. Neither bodies nor tokens are in it. It grows: move it away while nothing runs.
`

const cellsOf = (name, { method, path }, { scope, summary, answers }) => [
  `\`${method} ${path}\``,
  scope === 'none' ? '' : scope,
  summary,
  Object.keys(answers).join(', '),
]

/** Cells as wide as the widest of their column, as the formatter has them. */
const tableOf = (rows) => {
  const widths = rows[0].map((_, at) => Math.max(...rows.map((cells) => cells[at].length)))
  const line = (cells) => `| ${cells.map((cell, at) => cell.padEnd(widths[at])).join(' | ')} |\n`
  const [head, ...rest] = rows
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rest.map(line)].join('')
}

/** The page as it is committed. */
export const adminPage = (operations, resources) => {
  const rows = Object.entries(operations).map(([name, operation]) =>
    cellsOf(name, operation, resources[name]),
  )
  return head + tableOf([['Operation', 'Scope', 'What it does', 'Answers'], ...rows]) + tail
}

const write = async () => {
  setup()
  const { operations } = await import('../dist/src/admin/operations.js')
  const { resources } = await import('../dist/src/admin/resources.js')
  const page = join(root, 'docs/reference/admin-api.md')
  writeFileSync(page, adminPage(operations, resources))
  run(join(root, 'node_modules/.bin/oxfmt'), ['--check', page])
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await write()
