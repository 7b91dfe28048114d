/** Media types of bodies. */
export const jsonType = 'application/json'
export const mergePatchType = 'application/merge-patch+json'
export const problemType = 'application/problem+json'
/** What is not JSON: the text of metrics. */
export const metricsType = 'text/plain'
export const eventsType = 'text/event-stream'
