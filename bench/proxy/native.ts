import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { NodeProxyName, ProxyName } from './names.ts'

/** A command that is about to run, with what its environment needs. */
export interface Command {
  readonly words: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

/** Writes what a server needs below `root`, and gives the command that starts it. */
export type Prepare = (root: string, port: number, upstreamPort: number) => Command

const write = (root: string, name: string, text: string): string => {
  mkdirSync(root, { recursive: true })
  writeFileSync(join(root, name), text)
  return join(root, name)
}

const nginx = (root: string, http: string): Command => {
  const config = write(
    root,
    'nginx.conf',
    `daemon off;
worker_processes 1;
pid ${root}/nginx.pid;
error_log ${root}/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000000;
  proxy_temp_path ${root}/proxy;
  client_body_temp_path ${root}/body;
${http}}
`,
  )
  return { words: ['nginx', '-p', root, '-c', config, '-e', `${root}/error.log`] }
}

/** The upstream of them all: `/1k` from memory, `/64k` from a file that stays open. */
export const prepareUpstream: Prepare = (root, port) => {
  write(join(root, 'files'), '64k', 'x'.repeat(65_536))
  return nginx(
    root,
    `  sendfile on;
  open_file_cache max=16;
  server {
    listen 127.0.0.1:${port};
    location = /1k { return 200 "${'x'.repeat(1_024)}"; }
    location = /64k { root ${root}/files; }
  }
`,
  )
}

/** The same answer to `GET /ping` as the servers of the bench of answers. */
export const prepareHello = (root: string, port: number): Command =>
  nginx(
    root,
    `  server {
    listen 127.0.0.1:${port};
    default_type application/json;
    location = /ping { return 200 '{"message":"pong"}'; }
  }
`,
  )

/** Proxies that are no npm packages. */
export const prepare: Readonly<Record<Exclude<ProxyName, NodeProxyName>, Prepare>> = {
  nginx: (root, port, upstreamPort) =>
    nginx(
      root,
      `  upstream all {
    server 127.0.0.1:${upstreamPort};
    keepalive 256;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://all;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_buffers 8 16k;
      proxy_max_temp_file_size 0;
    }
  }
`,
    ),
  haproxy: (root, port, upstreamPort) => {
    const config = write(
      root,
      'haproxy.cfg',
      `global
  nbthread 1
defaults
  mode http
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend all
  bind 127.0.0.1:${port}
  default_backend all
backend all
  server one 127.0.0.1:${upstreamPort} pool-max-conn 256
`,
    )
    return { words: ['haproxy', '-db', '-q', '-f', config] }
  },
  caddy: (root, port, upstreamPort) => {
    const forward = {
      handler: 'reverse_proxy',
      upstreams: [{ dial: `127.0.0.1:${upstreamPort}` }],
      transport: { protocol: 'http', keep_alive: { max_idle_conns_per_host: 256 } },
    }
    const listen = [`127.0.0.1:${port}`]
    const all = { listen, automatic_https: { disable: true }, routes: [{ handle: [forward] }] }
    const config = {
      admin: { disabled: true },
      logging: { logs: { default: { level: 'ERROR' } } },
      apps: { http: { servers: { all } } },
    }
    const file = write(root, 'caddy.json', JSON.stringify(config))
    const environment = { HOME: root, XDG_CONFIG_HOME: root, XDG_DATA_HOME: root }
    return { words: ['caddy', 'run', '--config', file], environment }
  },
  go: (root, port, upstreamPort) => ({
    words: [join(root, 'reverse-proxy'), String(port), `http://127.0.0.1:${upstreamPort}`],
  }),
}

/** Builds a program in Go with the packages of the system, as `root/NAME`. False: there is no Go here, or no Gin. */
export function buildGo(root: string, source = 'proxy/reverse-proxy.go'): boolean {
  mkdirSync(root, { recursive: true })
  const file = fileURLToPath(new URL(`../../../bench/${source}`, import.meta.url))
  const { status } = spawnSync('go', ['build', '-o', join(root, basename(source, '.go')), file], {
    stdio: 'ignore',
    env: { ...process.env, GOPATH: '/usr/share/gocode', GO111MODULE: 'off', GOCACHE: `${root}/go` },
  })
  return status === 0
}

/** Whether a command is here to be run. */
export function isInstalled(command: string): boolean {
  const { error } = spawnSync(command, ['-v'], { stdio: 'ignore', timeout: 5_000 })
  return error === undefined
}
