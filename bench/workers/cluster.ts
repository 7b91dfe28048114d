// The peer: `node:http` in processes that accept by themselves from one socket (`SCHED_NONE`). `cluster.js COUNT` prints its port.
import cluster from 'node:cluster'
import { createServer } from 'node:http'

const hello = { message: 'pong' }

if (cluster.isPrimary) {
  cluster.schedulingPolicy = cluster.SCHED_NONE
  const count = Number(process.argv[2])
  let ready = 0
  cluster.on('listening', (_, { port }) => {
    ready += 1
    if (ready === count) process.stderr.write(`${port}\n`)
  })
  for (let left = count; left > 0; left -= 1) cluster.fork()
} else {
  createServer((_, response) => {
    const body = JSON.stringify(hello)
    const length = Buffer.byteLength(body)
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': length })
    response.end(body)
  }).listen(0, '127.0.0.1')
}
