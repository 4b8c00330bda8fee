import type { Bundles } from '../bundle.ts'
import type { Pipeline } from '../config/schema.ts'
import type { Alarms } from './alarms.ts'

/** What every construct of a stack needs to know of it. */
export interface Deployment {
  readonly pipeline: Pipeline
  readonly bundles: Bundles
  /** A folder for the code of functions until it is staged. */
  readonly assets: string
  readonly alarms: Alarms
}
