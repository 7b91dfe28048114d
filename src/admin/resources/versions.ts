import { rcompare } from 'semver'
import type { VersionRow } from '../../control/rollouts.ts'
import { isVersion } from '../../core/version/version.ts'
import { pageOf as pageSchema } from '../answer-schemas.ts'
import { pageInOrder, type Order } from '../page.ts'
import type { Resources } from '../resource.ts'
import { versionItem } from '../rollout-schemas.ts'
import { pageQuery } from '../schemas.ts'

/** Versions that are live side by side. */
export const versionResources: Pick<Resources, 'listVersions'> = {
  listVersions: {
    summary:
      'Live versions of modules and routes: state, weight, dates, share, figures; page by page',
    scope: 'read',
    query: pageQuery,
    body: null,
    answers: { 200: pageSchema(versionItem) },
    refusals: [],
    handle: async ({ context, query }) => {
      const { number } = context.control.current.revision
      const rows = await context.rollouts.versions()
      const body = pageInOrder(rows, order, query, number, (row) => row)
      return { status: 200, body }
    },
  },
}

type Place = Pick<VersionRow, 'kind' | 'name' | 'version'>

const textOrder = (left: string, right: string): number =>
  left < right ? -1 : Number(left > right)

/** A side without a version comes after those that have one. */
const versionOrder = (left: string, right: string): number =>
  isVersion(left) && isVersion(right)
    ? rcompare(left, right)
    : Number(isVersion(right)) - Number(isVersion(left)) || textOrder(left, right)

/** By kind and name; of one name the highest first. */
const order: Order<VersionRow, Place> = {
  keyOf: (row) => row,
  compare: (left, right) =>
    textOrder(left.kind, right.kind) ||
    textOrder(left.name, right.name) ||
    versionOrder(left.version, right.version),
  write: ({ kind, name, version }) => `${kind}:${encodeURIComponent(version)}:${name}`,
  read: (cursor) => {
    const [, kind, version, name] = /^(module|route):([\w.!~*'()%-]+):(.+)$/s.exec(cursor) ?? []
    if (name === undefined) return null
    try {
      return { kind: kind as Place['kind'], version: decodeURIComponent(version!), name }
    } catch {
      return null
    }
  },
}
