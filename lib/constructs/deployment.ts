import type { Bundles } from '../bundle.ts'
import type { Pipeline } from '../config/schema.ts'
import type { Alarms } from './alarms.ts'
import type { FunctionNetwork } from './network.ts'

/** The facts about a stack that all its constructs need. */
export interface Deployment {
  readonly pipeline: Pipeline
  readonly bundles: Bundles
  /** A temporary folder for the code of functions, until the CDK has staged it. */
  readonly assets: string
  readonly alarms: Alarms
  /** The VPC of functions. Without one, they run in a network of Lambda. */
  readonly network?: FunctionNetwork | undefined
}
