/** One app for each framework, written as its own documentation writes it: a module file, unchanged. */
export const apps: Readonly<Record<string, (version: string) => string>> = {
  hono: (version) => `
    import { Hono } from 'hono'
    const app = new Hono()
    app.use(async (c, next) => { await next(); c.header('x-by', 'hono') })
    app.get('/', (c) => c.text('home'))
    app.get('/version', (c) => c.text('${version}'))
    app.get('/users/:id', (c) => c.json({ id: c.req.param('id'), q: c.req.query('q') }))
    app.post('/echo', async (c) => c.json(await c.req.json()))
    app.get('/stream', () => new Response(new ReadableStream({
      async start(controller) {
        for (const part of ['a', 'b', 'c']) {
          controller.enqueue(new TextEncoder().encode(part))
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
        controller.close()
      },
    }), { headers: { 'content-type': 'text/event-stream' } }))
    app.get('/fails', () => { throw new Error('mine') })
    export default app`,
  h3: (version) => `
    import { H3, readBody, getQuery, getRouterParam } from 'h3'
    const app = new H3({ silent: true })
    app.get('/', () => 'home')
    app.get('/version', () => '${version}')
    app.get('/users/:id', (event) => ({ id: getRouterParam(event, 'id'), q: getQuery(event).q }))
    app.post('/echo', (event) => readBody(event))
    app.get('/stream', (event) => {
      event.res.headers.set('content-type', 'text/event-stream')
      return new ReadableStream({
        async start(controller) {
          for (const part of ['a', 'b', 'c']) {
            controller.enqueue(new TextEncoder().encode(part))
            await new Promise((resolve) => setTimeout(resolve, 5))
          }
          controller.close()
        },
      })
    })
    app.get('/fails', () => { throw new Error('mine') })
    export default app`,
  itty: (version) => `
    import { AutoRouter } from 'itty-router'
    const router = AutoRouter()
    router
      .get('/', () => new Response('home'))
      .get('/version', () => new Response('${version}'))
      .get('/users/:id', ({ params, query }) => ({ id: params.id, q: query.q }))
      .post('/echo', (request) => request.json())
      .get('/stream', () => new Response(new ReadableStream({
        async start(controller) {
          for (const part of ['a', 'b', 'c']) {
            controller.enqueue(new TextEncoder().encode(part))
            await new Promise((resolve) => setTimeout(resolve, 5))
          }
          controller.close()
        },
      }), { headers: { 'content-type': 'text/event-stream' } }))
      .get('/fails', () => { throw new Error('mine') })
    export default router`,
  express: (version) => `
    import express from 'express'
    const app = express()
    app.set('env', 'test')
    app.use(express.json())
    app.get('/', (request, response) => response.send('home'))
    app.get('/version', (request, response) => response.send('${version}'))
    app.get('/users/:id', (request, response) => response.json({ id: request.params.id, q: request.query.q }))
    app.post('/echo', (request, response) => response.json(request.body))
    app.get('/stream', (request, response) => {
      response.setHeader('content-type', 'text/event-stream')
      for (const part of ['a', 'b', 'c']) response.write(part)
      setTimeout(() => response.end(), 5)
    })
    app.get('/fails', () => { throw new Error('mine') })
    export default app`,
  connect: (version) => `
    import connect from 'connect'
    const app = connect()
    app.use((request, response, next) => {
      const url = new URL(request.url, 'http://a')
      const user = /^\\/users\\/(.+)$/.exec(url.pathname)
      if (url.pathname === '/') response.end('home')
      else if (url.pathname === '/version') response.end('${version}')
      else if (user) response.end(JSON.stringify({ id: user[1], q: url.searchParams.get('q') }))
      else next()
    })
    app.use('/echo', async (request, response) => {
      let text = ''
      for await (const chunk of request) text += chunk
      response.end(text)
    })
    app.use('/stream', (request, response) => {
      response.setHeader('content-type', 'text/event-stream')
      for (const part of ['a', 'b', 'c']) response.write(part)
      setTimeout(() => response.end(), 5)
    })
    app.use('/fails', () => { throw new Error('mine') })
    export default app`,
  koa: (version) => `
    import Koa from 'koa'
    import { Readable } from 'node:stream'
    const app = new Koa()
    app.silent = true
    app.use(async (context) => {
      const user = /^\\/users\\/(.+)$/.exec(context.path)
      if (context.path === '/') context.body = 'home'
      else if (context.path === '/version') context.body = '${version}'
      else if (user) context.body = { id: user[1], q: context.query.q }
      else if (context.path === '/echo') {
        let text = ''
        for await (const chunk of context.req) text += chunk
        context.body = text
      } else if (context.path === '/stream') {
        context.type = 'text/event-stream'
        context.body = Readable.from(['a', 'b', 'c'])
      } else if (context.path === '/fails') throw new Error('mine')
    })
    export default app.callback()`,
}
