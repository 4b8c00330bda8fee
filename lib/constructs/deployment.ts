import type { Bundles } from '../bundle.ts'
import type { Pipeline } from '../config/schema.ts'
import type { Alarms } from './alarms.ts'
import type { TracesReceiver } from './traces-receiver.ts'

/** The facts about a stack that all its constructs need. */
export interface Deployment {
  readonly pipeline: Pipeline
  readonly bundles: Bundles
  /** A temporary folder for the code of functions, until the CDK has staged it. */
  readonly assets: string
  readonly alarms: Alarms
  /** Undefined if tracing is off. */
  readonly tracing: TracesReceiver | undefined
}
