import type { PlantedBug } from '../compose.ts'
import { GATEWAY } from '../settings.ts'

/** Bugs in what becomes of the requests of a removed model. */
export const IN_DEPLOYMENTS: readonly PlantedBug[] = [
  {
    name: 'the queued requests of a removed model are left alone',
    seenAt: 156,
    ports: ports => ({ ...ports, models: GATEWAY.models }),
  },
  { name: 'a model is taken for removed that was not', ports: ports => ({ ...ports, models: [] }) },
]
