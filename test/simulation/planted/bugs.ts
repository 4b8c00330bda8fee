import type { PlantedBug } from '../compose.ts'
import { IN_COMMANDS } from './in-commands.ts'
import { IN_DEPLOYMENTS } from './in-deployments.ts'
import { IN_ERASURES } from './in-erasures.ts'
import { IN_INPUTS } from './in-inputs.ts'
import { IN_PORTS } from './in-ports.ts'
import { IN_PROTECTION } from './in-protection.ts'

/** Bugs that tests put into Sluice on purpose. The simulation must catch each of them. This proves that its checks find real mistakes. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  ...IN_COMMANDS,
  ...IN_PORTS,
  ...IN_INPUTS,
  ...IN_PROTECTION,
  ...IN_DEPLOYMENTS,
  ...IN_ERASURES,
]
