import type { Role } from 'aws-cdk-lib/aws-iam'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { Node } from 'constructs'
import type { Bundles } from '../bundle.ts'
import type { Pipeline } from '../config/schema.ts'
import type { Alarms } from './alarms.ts'
import type { TracesReceiver } from './traces-receiver.ts'

/** The parts of a function that its place needs. */
export interface PlacedFunction {
  readonly node: Node
  readonly lambda: LambdaFunction
  readonly role: Role
}

/** The things that a function must reach from its place. */
export interface Reach {
  readonly queues: boolean
  /** The addresses of models may have any port. */
  readonly models: boolean
}

/** The place in which functions run. */
export interface FunctionPlace {
  /** Puts a function into this place, if the function needs it. */
  place(fn: PlacedFunction, reach: Reach): void
}

/** The facts about a stack that all its constructs need. */
export interface Deployment {
  readonly pipeline: Pipeline
  readonly bundles: Bundles
  readonly alarms: Alarms
  /** Undefined if tracing is off. */
  readonly tracing: TracesReceiver | undefined
  /** The VPC of functions. Without one, they run in a network of Lambda. */
  readonly network?: FunctionPlace | undefined
}
