import { defineModule } from 'turnout'

export default defineModule({
  version: '1.0.0',
  register(routes) {
    routes.get('/hello/:name', (c) => c.text(`Hello, ${c.param('name')}!\n`))
  },
})
