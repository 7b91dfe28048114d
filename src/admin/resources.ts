import type { Resources } from './resource.ts'
import { changeResources } from './resources/changes.ts'
import { instanceResources } from './resources/instance.ts'
import { routeResources, upstreamResources } from './resources/items.ts'
import { moduleResources } from './resources/modules.ts'
import { revisionResources } from './resources/revisions.ts'
import { rolloutResources } from './resources/rollouts.ts'
import { springResources } from './resources/spring.ts'
import { tokenResources } from './resources/tokens.ts'
import { upstreamStatusResources } from './resources/upstream-status.ts'
import { workerResources } from './resources/workers.ts'
import { versionResources } from './resources/versions.ts'

/**
 * The one table of the admin API. Dispatch, the OpenAPI document, the typed client and the test of permissions are made
 * of it and of `operations.ts`; what is missing in it does not compile.
 */
export const resources: Resources = {
  ...instanceResources,
  ...changeResources,
  ...routeResources,
  ...upstreamResources,
  ...upstreamStatusResources,
  ...workerResources,
  ...moduleResources,
  ...versionResources,
  ...rolloutResources,
  ...revisionResources,
  ...tokenResources,
  ...springResources,
}
