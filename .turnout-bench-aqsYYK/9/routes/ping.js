const hello = { message: 'pong' }
export default { register: (routes) => void routes.get('/ping', (c) => c.json(hello)) }
