import { Stack, Validations } from 'aws-cdk-lib'
import { type IRole, Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { Construct } from 'constructs'
import { isXray } from '../config/receivers.ts'
import type { Pipeline } from '../config/schema.ts'

type Tracing = Exclude<Pipeline['observability']['tracing'], false>

/**
 * The receiver to which the functions send their traces. The receiver of AWS (X-Ray) accepts traces only from roles that
 * have a permission.
 */
export class TracesReceiver extends Construct {
  /** The URL for OTLP/HTTP. */
  readonly endpoint: string
  /** The share of requests that are traced, from 0 to 1. */
  readonly sample: number
  readonly #policy: Policy | undefined

  constructor(scope: Construct, id: string, { endpoint, sample }: Tracing) {
    super(scope, id)
    const { region, urlSuffix } = Stack.of(this)
    this.endpoint = endpoint === 'xray' ? `https://xray.${region}.${urlSuffix}/v1/traces` : endpoint
    this.sample = sample
    this.#policy = isXray(endpoint) ? this.#grant() : undefined
  }

  /** Allows a role to send traces. */
  allow(role: IRole): void {
    this.#policy?.attachToRole(role)
  }

  /** Makes one policy for all functions. With a policy per function, the stack could exceed CloudFormation's limit of resources. */
  #grant(): Policy {
    const policy = new Policy(this, 'Policy')
    policy.addStatements(new PolicyStatement({ actions: ['xray:PutTraceSegments'], resources: ['*'] }))
    Validations.of(policy).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'X-Ray has no resources that a permission to send traces could name. The action allows nothing else.',
    })
    return policy
  }
}
