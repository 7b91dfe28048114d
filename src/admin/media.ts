/** Media types of bodies. */
export const jsonType = 'application/json'
export const mergePatchType = 'application/merge-patch+json'
export const problemType = 'application/problem+json'
export const eventsType = 'text/event-stream'
