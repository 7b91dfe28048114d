import { isInBlock, parseAddress, parseBlock, type Block } from '../../core/address.ts'
import { codeReply } from '../problem-reply.ts'
import { before, type FilterMaker } from './filter.ts'

/** Who the client is, trusted proxies say; whose address nobody knows does not pass. */
export const ipFilter: FilterMaker<'ip-filter'> = ({ allow, deny }) => {
  const allowed = blocksOf(allow)
  const denied = blocksOf(deny)
  return before(({ transport }) => {
    const address = parseAddress(transport.clientAddress() ?? '')
    const lies = (block: Block): boolean => isInBlock(address!, block)
    const mayPass =
      address !== null && !denied.some(lies) && (allowed.length === 0 || allowed.some(lies))
    return mayPass ? undefined : codeReply('TURNOUT_CLIENT_FORBIDDEN')
  })
}

const blocksOf = (texts: readonly string[]): readonly Block[] =>
  texts.flatMap((text) => parseBlock(text) ?? [])
