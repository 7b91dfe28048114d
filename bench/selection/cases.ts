/** What is asked, and how: a place with one route, and the same place with four versions. */
export const cases = {
  'plain route': { path: '/plain', field: '' },
  'plain, field sent': { path: '/plain', field: 'X-API-Version: 2.0.0' },
  'asked exact': { path: '/versions', field: 'X-API-Version: 2.0.0' },
  'asked range': { path: '/versions', field: 'X-API-Version: ^1.2' },
  'highest release': { path: '/versions', field: '' },
  'by weight': { path: '/weights', field: '' },
  'by weight, cookie': { path: '/users', field: 'Cookie: a=b; user=4711' },
} as const

export type CaseName = keyof typeof cases
