import type { Transport } from '../transport.ts'

/** Whether the client has left, before anything is done about it. */
export function isGone(transport: Transport): boolean {
  let isGone = false
  transport.onClose(() => {
    isGone = true
  })
  return isGone
}
