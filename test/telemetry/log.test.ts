import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { type Logger, childLogger } from '../../src/core/logger.ts'
import { type LoggerOptions, createLogger } from '../../src/telemetry/log.ts'
import { runTraceId } from '../../src/telemetry/run-id.ts'

const collect = (
  options: LoggerOptions,
  use: (logger: Logger) => void,
): Record<string, unknown>[] => {
  const lines: string[] = []
  use(createLogger({ ...options, destination: { write: (line) => lines.push(line) } }))
  for (const line of lines) assert.match(line, /^[^\n]+\n$/)
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('a line has timestamp, level, service_name, trace_id, message and the fields, and nothing else', () => {
  const before = Date.now()
  const [line = {}] = collect({ serviceName: 'shop' }, (logger) =>
    logger.info('100%s %d\nsure', { route_id: 'users#GET /:id', duration_ms: 3 }),
  )
  const { timestamp, ...rest } = line
  assert.ok(Number(timestamp) >= before && Number(timestamp) <= Date.now())
  assert.deepEqual(rest, {
    level: 'info',
    service_name: 'shop',
    trace_id: runTraceId,
    message: '100%s %d\nsure',
    route_id: 'users#GET /:id',
    duration_ms: 3,
  })
})

test('what is quieter than the level is not written', () => {
  const all = (logger: Logger): void => {
    logger.debug('d')
    logger.info('i')
    logger.warn('w')
    logger.error('e')
  }
  const messages = (level: 'debug' | 'info' | 'warn' | 'error'): unknown[] =>
    collect({ level }, all).map(({ message }) => message)
  assert.deepEqual(messages('debug'), ['d', 'i', 'w', 'e'])
  assert.deepEqual(messages('info'), ['i', 'w', 'e'])
  assert.deepEqual(messages('error'), ['e'])
})

test('a child adds its fields, those of the call win', () => {
  const [line = {}] = collect({}, (logger) =>
    childLogger(childLogger(logger, { module: 'users', revision: 1 }), { revision: 2 }).warn('x', {
      revision: 3,
    }),
  )
  assert.deepEqual([line['module'], line['revision']], ['users', 3])
})

test('a field cannot replace what every line has', () => {
  const [line = {}] = collect({}, (logger) =>
    logger.info('real', { message: 'fake', level: 'fake', timestamp: 1, service_name: 'x' }),
  )
  assert.deepEqual(
    [line['message'], line['level'], line['field_message']],
    ['real', 'info', 'fake'],
  )
  assert.notEqual(line['timestamp'], 1)
})

test('an error becomes its type, message and stack', () => {
  const [line = {}] = collect({}, (logger) => logger.error('x', { error: new TypeError('bad') }))
  const error = line['error'] as Record<string, string>
  assert.deepEqual([error['type'], error['message']], ['TypeError', 'bad'])
  assert.match(error['stack'] ?? '', /log\.test/)
})

test('no field makes the logger throw or the line unreadable', () => {
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  const nasty: readonly unknown[] = [
    circular,
    10n,
    Symbol('s'),
    () => 1,
    Number.NaN,
    {
      toJSON: () => {
        throw new Error('no')
      },
    },
    {
      get a(): never {
        throw new Error('no')
      },
    },
    new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no')
        },
      },
    ),
  ]
  const lines = collect({}, (logger) => {
    for (const value of nasty) logger.info('m', { value })
    logger.info(
      'm',
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error('no')
          },
        },
      ),
    )
  })
  assert.equal(lines.length, nasty.length + 1)
  assert.ok(lines.every(({ message }) => message === 'm'))
})

test('a destination that fails does not make the logger throw', () => {
  let calls = 0
  const destination = {
    write: () => {
      calls += 1
      throw new Error('full')
    },
  }
  createLogger({ destination }).info('x')
  assert.equal(calls, 1)
})

test('the short line has time, level, message, fields; no control characters pass', () => {
  const lines: string[] = []
  const logger = createLogger({ pretty: true, destination: { write: (line) => lines.push(line) } })
  logger.info('hot\u001B[2J update', { module: 'users', path: '/a b\u009B' })
  logger.error('x', { error: new Error('bad') })
  assert.match(
    lines[0] ?? '',
    /^\d\d:\d\d:\d\d info {2}hot\\u001b\[2J update {2}module=users {2}path="\/a b\\u009b"\n$/,
  )
  assert.match(lines[1] ?? '', /error x\nError: bad\n {4}at /)
})

const script = (body: string): string =>
  `import { createLogger } from ${JSON.stringify(new URL('../../src/telemetry/log.js', import.meta.url).href)}
   const logger = createLogger()
   ${body}`

test('every line written before the process exits arrives on standard error', async () => {
  const child = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    script('for (let i = 0; i < 5000; i += 1) logger.info("m", { count: i }); process.exit(0)'),
  ])
  let text = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  await once(child, 'close')
  const lines = text.trimEnd().split('\n')
  assert.equal(lines.length, 5000)
  assert.equal((JSON.parse(lines.at(-1) ?? '') as { count: number }).count, 4999)
})

test('a reader that has stopped stops neither the writer nor its end', async (context) => {
  // Far more than a pipe holds, read by nobody; the writer reports on its other stream that it went on.
  const child = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    script(`for (let round = 0; round < 40; round += 1) {
        for (let i = 0; i < 1000; i += 1) logger.info('x'.repeat(1000))
        await new Promise((done) => setImmediate(done))
      }
      console.log('went on')
      process.exit(0)`),
  ])
  context.after(() => child.kill('SIGKILL'))
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer]
  assert.equal(chunk.toString(), 'went on\n')
  // Its end does not wait for the reader either.
  const [code] = (await once(child, 'exit')) as [number | null]
  assert.equal(code, 0)
})

test('lines that a slow reader made the logger drop are counted in the log', async (context) => {
  const child = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    script(`for (let i = 0; i < 40_000; i += 1) logger.info('x'.repeat(1000))
      console.log('full')
      setInterval(() => {}, 1000)`),
  ])
  context.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  let text = ''
  let count = 0
  for await (const chunk of child.stderr.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk
    count = Number(/"dropped_lines":(\d+)/.exec(text.slice(-2000))?.[1] ?? 0)
    if (count > 0) break
  }
  const arrived = text.split('\n').filter((line) => line.includes('xxx')).length
  assert.equal(arrived + count, 40_000)
})

test('a closed standard error does not end the process', async () => {
  const child = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    script(`setTimeout(() => { for (let i = 0; i < 100; i += 1) logger.info('x') }, 100)
      setTimeout(() => console.log('alive'), 300)`),
  ])
  child.stderr.destroy()
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  await once(child, 'close')
  assert.equal(text, 'alive\n')
})
