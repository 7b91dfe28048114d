import { connect } from 'node:net'

/**
 * Asks on 64 connections, each time when an answer is there, prints how many came, and ends the process. It counts bytes,
 * for all answers are alike: so the server is what is measured.
 */
export function askForMs(port: number, durationMs: number, next: () => Buffer): void {
  let answers = 0
  let length = 0
  let isOver = false
  const open = (): void => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
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
  }, durationMs)
}
