import type { Role } from 'aws-cdk-lib/aws-iam'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { Node } from 'constructs'
import type { Bundles } from '../bundle.ts'
import type { Pipeline } from '../config/schema.ts'
import type { Alarms } from './alarms.ts'

/** A function, as far as its place needs it. */
export interface PlacedFunction {
  readonly node: Node
  readonly lambda: LambdaFunction
  readonly role: Role
}

/** What a function reaches from its place. */
export interface Reach {
  readonly queues: boolean
  /** The addresses of models may have any port. */
  readonly models: boolean
}

/** The place in which functions run. */
export interface FunctionPlace {
  /** Puts a function there, if it needs that. */
  place(fn: PlacedFunction, reach: Reach): void
}

/** The facts about a stack that all its constructs need. */
export interface Deployment {
  readonly pipeline: Pipeline
  readonly bundles: Bundles
  /** A temporary folder for the code of functions, until the CDK has staged it. */
  readonly assets: string
  readonly alarms: Alarms
  /** The VPC of functions. Without one, they run in a network of Lambda. */
  readonly network?: FunctionPlace | undefined
}
