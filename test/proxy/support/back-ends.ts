import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../road/support/instance.ts'

interface BackEnd {
  /** Name of its file of settings, and what is in it. */
  readonly file: string
  readonly config: (folder: string, port: number, upstreamPort: number) => string
  readonly words: (folder: string, file: string) => readonly string[]
}

/** Servers with parsers of their own, each as a reverse proxy with its defaults. */
export const backEnds: Readonly<Record<string, BackEnd>> = {
  nginx: {
    file: 'nginx.conf',
    config: (folder, port, upstreamPort) => `daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log crit;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream one { server 127.0.0.1:${upstreamPort}; keepalive 16; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://one;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`,
    words: (folder, file) => ['-p', folder, '-c', file, '-e', join(folder, 'error.log')],
  },
  haproxy: {
    file: 'haproxy.cfg',
    config: (_, port, upstreamPort) => `global
  nbthread 1
defaults
  mode http
  http-reuse always
  timeout connect 5s
  timeout client 20s
  timeout server 20s
frontend all
  bind 127.0.0.1:${port}
  default_backend all
backend all
  server one 127.0.0.1:${upstreamPort}
`,
    words: (_, file) => ['-db', '-q', '-f', file],
  },
  caddy: {
    file: 'caddy.json',
    config: (_, port, upstreamPort) => {
      const upstreams = [{ dial: `127.0.0.1:${upstreamPort}` }]
      const routes = [{ handle: [{ handler: 'reverse_proxy', upstreams }] }]
      const listen = [`127.0.0.1:${port}`]
      return JSON.stringify({
        admin: { disabled: true },
        logging: { logs: { default: { level: 'PANIC' } } },
        apps: {
          http: { servers: { all: { listen, automatic_https: { disable: true }, routes } } },
        },
      })
    },
    words: (_, file) => ['run', '--config', file],
  },
}

/** What Debian puts beside the programs of everybody. */
const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => resolve(false))
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })

/** Starts one in front of an upstream; its port, or null: it is not installed. */
export async function openBackEnd(
  t: TestContext,
  name: string,
  upstreamPort: number,
): Promise<number | null> {
  const env = { ...process.env, PATH: path }
  const known = spawnSync(name, ['-v'], { stdio: 'ignore', timeout: 10_000, env })
  if (known.error !== undefined) return null
  const folder = mkdtempSync(join(tmpdir(), `turnout-${name}-`))
  const { config, file, words } = backEnds[name]!
  const port = await freePort()
  writeFileSync(join(folder, file), config(folder, port, upstreamPort))
  const child = spawn(name, words(folder, join(folder, file)), {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder },
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = new Promise((resolve) => child.once('close', resolve))
  t.after(async () => {
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), 3_000)
    await ended
    clearTimeout(late)
    rmSync(folder, { recursive: true, force: true })
  })
  for (let left = 200; left > 0; left -= 1) {
    if (child.exitCode !== null) break
    if (await answers(port)) return port
    await delay(50)
  }
  throw new Error(`${name} does not listen: ${said}`)
}
