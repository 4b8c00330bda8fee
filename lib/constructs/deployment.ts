import type { Role } from 'aws-cdk-lib/aws-iam'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { Node } from 'constructs'
import type { Bundles } from '../bundle.ts'
import type { Pipeline } from '../config/schema.ts'
import type { Alarms } from './alarms.ts'
import type { TracesReceiver } from './traces-receiver.ts'

/** A function, as far as `FunctionPlace.place` uses the function. */
export interface PlacedFunction {
  readonly node: Node
  readonly lambda: LambdaFunction
  readonly role: Role
}

/** The services that a function must reach over the network. */
export interface Reach {
  readonly queues: boolean
  /** Whether the function calls models. Their addresses may have any port, so the function needs a security group that allows these ports. */
  readonly models: boolean
}

/** The network in which functions run. */
export interface FunctionPlace {
  /** Puts a function into this network, if the function needs it. */
  place(fn: PlacedFunction, reach: Reach): void
}

/** How many environments of a function there are on managed instances, and how many invocations share each. */
export interface Environments {
  /** The fewest environments that run at all times. */
  readonly least: number
  /** The most invocations that run in one environment at the same time. */
  readonly invocations: number
}

/** The instances on which workers run. */
export interface WorkerInstances {
  /** The fewest environments of a worker that pipeline.yaml asks for. */
  readonly environments: number
  /** Runs a worker on these instances. */
  run(fn: PlacedFunction, environments: Environments): void
}

/** The facts about a stack that all its constructs need. */
export interface Deployment {
  readonly pipeline: Pipeline
  readonly bundles: Bundles
  readonly alarms: Alarms
  /** Undefined if tracing is off. */
  readonly tracing: TracesReceiver | undefined
  /** The VPC in which functions run. If it is undefined, functions run in the network of AWS Lambda. */
  readonly network?: FunctionPlace | undefined
  /** The instances on which workers run. If it is undefined, they run as all other functions do: an environment runs one invocation at a time. */
  readonly instances?: WorkerInstances | undefined
}
