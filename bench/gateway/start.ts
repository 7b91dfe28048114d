import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { freePort, stopOf, wordsOn } from '../change/servers.ts'
import { prepareHello } from '../proxy/native.ts'
import type { Started } from '../proxy/start.ts'
import type { ServerName } from './names.ts'

const firstAnswer = async (url: string): Promise<Response> => {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await fetch(url)
    } catch (error) {
      if (attempt === 100) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** One of the servers in a process of its own, once it answers as it should. What nginx needs is below `folder`. */
export async function startHello(
  name: ServerName,
  folder: string,
  cpu: number | undefined,
): Promise<Started> {
  const script = fileURLToPath(new URL('./servers.js', import.meta.url))
  const own = name === 'nginx' ? await freePort() : 0
  const words = own === 0 ? [process.execPath, script, name] : prepareHello(folder, own).words
  const server = spawn(...wordsOn(cpu, ...words), { stdio: ['ignore', 'ignore', 'pipe'] })
  const stop = stopOf(server)
  try {
    const port =
      own ||
      (await new Promise<number>((resolve, reject) => {
        let text = ''
        server.stderr.on('data', (bytes: Buffer) => {
          text += bytes.toString()
          const found = /^(\d+)\n/m.exec(text)?.[1]
          if (found !== undefined) resolve(Number(found))
        })
        server.once('close', () => reject(new Error(`${name} ended: ${text}`)))
      }))
    const answer = await firstAnswer(`http://127.0.0.1:${port}/ping`)
    const text = await answer.text()
    if (answer.status !== 200 || text !== '{"message":"pong"}') throw new Error(`${name}: ${text}`)
    return { pid: server.pid!, port, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
