// `rule-load.js PORT MS KIND FROM UNTIL`: asks for rules taken at random, and prints how many answers came.
import { askForMs } from '../instance/closed-loop.ts'
import { fieldAt, rulePath, type RuleKind } from './rules.ts'

const [port, duration, kind, from, until] = process.argv.slice(2)
const requests = Array.from({ length: Number(until) - Number(from) }, (_, at) => {
  const [name, value] = fieldAt(kind as RuleKind, Number(from) + at)
  const others = name === 'host' ? '' : 'host: a.test\r\n'
  return Buffer.from(`GET ${rulePath} HTTP/1.1\r\n${others}${name}: ${value}\r\n\r\n`, 'latin1')
})
askForMs(
  Number(port),
  Number(duration),
  () => requests[Math.floor(Math.random() * requests.length)]!,
)
