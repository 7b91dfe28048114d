// `rule-load.js PORT MS KIND FROM UNTIL PATH`: asks for rules taken at random, and prints how many answers came.
import { askForMs } from '../instance/closed-loop.ts'
import { fieldAt, type RuleKind } from './rules.ts'

const [port, duration, kind, from, until, path] = process.argv.slice(2)
/** Whoever asks for one rule looks as far for each request in memory: a slower load leaves its server more idle turns. */
const kept = 10_000
const count = Number(until) - Number(from)
const requests = Array.from({ length: Math.max(kept, count) }, (_, at) => {
  const [name, value] = fieldAt(kind as RuleKind, Number(from) + (at % count))
  const others = name === 'host' ? '' : 'host: a.test\r\n'
  return Buffer.from(`GET ${path} HTTP/1.1\r\n${others}${name}: ${value}\r\n\r\n`, 'latin1')
})
askForMs(
  Number(port),
  Number(duration),
  () => requests[Math.floor(Math.random() * requests.length)]!,
)
