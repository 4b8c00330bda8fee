import type { PlantedBug } from '../compose.ts'
import { GATEWAY } from '../settings.ts'

/** Planted bugs in the handling of requests of a model that a deployment has removed. */
export const IN_DEPLOYMENTS: readonly PlantedBug[] = [
  {
    name: 'the queued requests of a removed model are not ended',
    seenAt: 156,
    ports: ports => ({ ...ports, models: GATEWAY.models }),
  },
  { name: 'an existing model is treated as removed', ports: ports => ({ ...ports, models: [] }) },
]
