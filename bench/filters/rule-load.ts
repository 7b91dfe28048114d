// `rule-load.js PORT MS KIND FROM UNTIL`: asks on 64 connections for rules taken at random, each time when an answer is
// there, and prints how many came. It counts bytes, for all answers are alike: so the server is what is measured.
import { connect } from 'node:net'
import { fieldAt, rulePath, type RuleKind } from './rules.ts'

const [port, duration, kind, from, until] = process.argv.slice(2)
const requests = Array.from({ length: Number(until) - Number(from) }, (_, at) => {
  const [name, value] = fieldAt(kind as RuleKind, Number(from) + at)
  const others = name === 'host' ? '' : 'host: a.test\r\n'
  return Buffer.from(`GET ${rulePath} HTTP/1.1\r\n${others}${name}: ${value}\r\n\r\n`, 'latin1')
})
const next = (): Buffer => requests[Math.floor(Math.random() * requests.length)]!
let answers = 0
let length = 0
let isOver = false

const open = (): void => {
  const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true })
  let read = 0
  socket.on('data', (chunk: Buffer) => {
    if (length === 0) {
      const text = chunk.toString('latin1')
      if (!text.startsWith('HTTP/1.1 200 ')) throw new Error(text)
      length = chunk.length
    }
    read += chunk.length
    if (read < length) return
    if (read > length) throw new Error(`an answer of ${read} bytes, not ${length}`)
    read = 0
    answers += 1
    if (!isOver) socket.write(next())
  })
  socket.write(next())
}

for (let at = 0; at < 64; at += 1) open()
setTimeout(() => {
  isOver = true
  process.stdout.write(`${answers}\n`)
  process.exit(0)
}, Number(duration))
