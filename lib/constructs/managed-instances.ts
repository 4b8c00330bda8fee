import { Annotations, Lazy, RemovalPolicy, Validations } from 'aws-cdk-lib'
import { type ISubnet, Subnet } from 'aws-cdk-lib/aws-ec2'
import { ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Architecture, CapacityProvider, SystemLogLevel } from 'aws-cdk-lib/aws-lambda'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import type { Environments, PlacedFunction, WorkerInstances } from './deployment.ts'
import { acceptIds, type FunctionNetwork } from './network.ts'
import { MANAGED_GB } from './worker-memory.ts'

/**
 * The fewest cores that all instances together may have: three instances of four cores, one per availability zone, and as
 * many during a deployment.
 */
const LEAST_CORES = 24

/**
 * The cores that all instances together may have, per environment. The smallest instances have two cores, and may have
 * memory for only one environment. A deployment starts the new environments before it ends the old ones.
 */
const CORES_PER_ENVIRONMENT = 4

export interface ManagedInstancesProps {
  readonly network: FunctionNetwork
  /** The fewest environments per worker. */
  readonly environments: number
}

/**
 * EC2 instances in the account, on which AWS Lambda runs the workers (Lambda managed instances, ADR 0060). AWS starts, updates and
 * ends the instances. Several invocations of a worker share an environment, so their waits for the model cost nothing more.
 */
export class ManagedInstances extends Construct implements WorkerInstances {
  readonly environments: number
  readonly #provider: CapacityProvider
  #allEnvironments = 0

  constructor(scope: Construct, id: string, { network, environments }: ManagedInstancesProps) {
    super(scope, id)
    this.environments = environments
    this.#provider = new CapacityProvider(this, 'Provider', {
      subnets: network.subnetIds.map((id, i) => this.#subnet(`Subnet${i + 1}`, id)),
      securityGroups: [...network.groups.workers],
      architectures: [Architecture.ARM_64],
      // Without a limit, a fault that makes workers use much CPU could start instances with 400 cores.
      maxVCpuCount: Lazy.number({
        produce: () => Math.max(LEAST_CORES, this.#allEnvironments * CORES_PER_ENVIRONMENT),
      }),
      operatorRole: this.#operatorRole(),
      // Without a log group of its own, AWS would create one that is never emptied, and that stays after the stack.
      logGroup: new LogGroup(this, 'Logs', {
        retention: RetentionDays.ONE_MONTH,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
      systemLogLevel: SystemLogLevel.WARN,
    })
    acceptIds(this.#provider)
  }

  run(fn: PlacedFunction, { least, invocations }: Environments): void {
    this.#allEnvironments += least
    this.#provider.addFunction(fn.lambda, {
      perExecutionEnvironmentMaxConcurrency: invocations,
      executionEnvironmentMemoryGiBPerVCpu: MANAGED_GB,
      publishToLatestPublished: true,
      latestPublishedScalingConfig: { minExecutionEnvironments: least },
    })
  }

  #subnet(id: string, subnetId: string): ISubnet {
    const subnet = Subnet.fromSubnetId(this, id, subnetId)
    // The CDK warns that it does not know the subnet's table of routes. Nothing here changes routes.
    Annotations.of(subnet).acknowledgeWarning('@aws-cdk/aws-ec2:noSubnetRouteTableId')
    return subnet
  }

  #operatorRole(): Role {
    const role = new Role(this, 'Operator', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName('AWSLambdaManagedEC2ResourceOperator')],
    })
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator]',
      reason:
        'With this role, AWS Lambda starts and ends the instances. AWS writes the policy for this role alone, and adds to it what new features of Lambda need.',
    })
    return role
  }
}
