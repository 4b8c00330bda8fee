import { RemovalPolicy, Validations } from 'aws-cdk-lib'
import {
  FlowLogDestination,
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpointAwsService,
  IpAddresses,
  type ISecurityGroup,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2'
import { Effect, type IRole, Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { CfnFunction } from 'aws-cdk-lib/aws-lambda'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Construct, type IConstruct } from 'constructs'
import type { Model } from '../config/model-schema.ts'
import type { Network } from '../config/queue-schema.ts'
import { otherReceivers, tracesToXray } from '../config/receivers.ts'
import type { Pipeline } from '../config/schema.ts'
import type { FunctionPlace, PlacedFunction, Reach } from './deployment.ts'

export interface NetworkProps {
  readonly models: Readonly<Record<string, Model>>
  /** The receivers of traces and metrics. */
  readonly telemetry: Telemetry
  /** The VPC that pipeline.yaml names. If it is undefined, the stack creates a VPC. */
  readonly given: Network | undefined
  /** The way out of a created VPC. */
  readonly egress: 'nat' | 'endpoints'
  /** Whether event source mappings run in the VPC, because they take messages from a broker. */
  readonly hasBroker: boolean
}

type Telemetry = Pick<Pipeline['observability'], 'tracing' | 'metrics'>

/**
 * The addresses of a created VPC. They differ from the addresses of the ledger's VPC. Otherwise an operator could not
 * peer both VPCs with one other VPC.
 */
const CIDR = '10.0.4.0/22'

const HTTPS = Port.tcp(443)

/**
 * The actions that Lambda performs with the role of a function to connect the function with a VPC. IAM can't limit
 * these actions to single resources, so the policy names all resources.
 */
const VPC_ACTIONS = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
]
/** The further actions that an event source mapping of a broker needs. */
const MAPPING_ACTIONS = ['ec2:DescribeSecurityGroups', 'ec2:DescribeVpcs']

/**
 * The VPC in which functions run. The stack creates the VPC, or pipeline.yaml gives the ids of an existing VPC. The CDK
 * looks up nothing in AWS, so a template can be made without an AWS account.
 *
 * If pipeline.yaml gives a VPC, all functions run in it. In a created VPC, only the functions that use the broker run,
 * because all other functions need nothing in the VPC.
 */
export class FunctionNetwork extends Construct implements FunctionPlace {
  readonly vpc: IVpc
  readonly subnetIds: readonly string[]
  /**
   * The security groups of functions. `workers`: of workers, which call models. `others`: of all other functions, which
   * call AWS and the broker.
   */
  readonly groups: { readonly workers: readonly ISecurityGroup[]; readonly others: readonly ISecurityGroup[] }
  readonly #props: NetworkProps
  readonly #access: Policy
  #endpoints: SecurityGroup | undefined

  constructor(scope: Construct, id: string, props: NetworkProps) {
    super(scope, id)
    this.#props = props
    this.#access = this.#newAccess(props.hasBroker)
    const { given, models, telemetry, egress } = props
    this.vpc = given ? importedVpc(this, given) : this.#ownVpc()
    this.subnetIds = given?.subnets ?? this.vpc.selectSubnets({ subnetGroupName: SUBNETS }).subnetIds
    this.groups = given?.security_groups
      ? this.#givenGroups(given.security_groups)
      : {
          workers: [
            this.#group('Workers', 'Workers: AWS, the broker and the models.', [
              ...portsOf(models),
              ...portsOfTelemetry(telemetry),
            ]),
          ],
          others: [
            this.#group('Functions', 'Functions that call no model: AWS and the broker.', portsOfTelemetry(telemetry)),
          ],
        }
    if (!given && egress === 'endpoints') this.#addEndpoints()
  }

  /** Returns all security groups of functions, each once. */
  allGroups(): ISecurityGroup[] {
    return [...new Set([...this.groups.workers, ...this.groups.others])]
  }

  /** Creates a security group without rules. */
  newGroup(scope: Construct, id: string, description: string): SecurityGroup {
    const group = new SecurityGroup(scope, id, { vpc: this.vpc, description, allowAllOutbound: false })
    if (this.#props.given) acceptIds(group)
    return group
  }

  place(fn: PlacedFunction, { queues, models }: Reach): void {
    if (this.#props.given === undefined && !queues) return
    this.#access.attachToRole(fn.role as IRole)
    const resource = fn.lambda.node.defaultChild
    if (!(resource instanceof CfnFunction)) throw new Error(`${fn.node.path} has no resource of its own`)
    resource.vpcConfig = {
      subnetIds: [...this.subnetIds],
      securityGroupIds: this.groups[models ? 'workers' : 'others'].map(({ securityGroupId }) => securityGroupId),
    }
    if (this.#props.given) acceptIds(fn.lambda)
    // The function is created after the policy. Otherwise Lambda would refuse the VPC, because the function's role
    // could not create a network interface yet.
    fn.lambda.node.addDependency(this.#access)
  }

  /** Makes one policy for the roles of all functions, because CloudFormation limits the number of resources of a stack. */
  #newAccess(hasBroker: boolean): Policy {
    const policy = new Policy(this, 'Access', {
      statements: [
        new PolicyStatement({
          effect: Effect.ALLOW,
          actions: hasBroker ? [...VPC_ACTIONS, ...MAPPING_ACTIONS] : VPC_ACTIONS,
          resources: ['*'],
        }),
      ],
    })
    Validations.of(policy).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason:
        'Lambda connects a function with a VPC through interfaces that it creates and describes. IAM has no resource for these actions.',
    })
    return policy
  }

  #group(id: string, description: string, ports: readonly number[]): SecurityGroup {
    const group = this.newGroup(this, id, description)
    for (const port of new Set([443, ...ports])) group.addEgressRule(Peer.anyIpv4(), Port.tcp(port))
    return group
  }

  #givenGroups(ids: readonly string[]): FunctionNetwork['groups'] {
    const groups = ids.map((id, i) => SecurityGroup.fromSecurityGroupId(this, `Group${i + 1}`, id, { mutable: false }))
    return { workers: groups, others: groups }
  }

  #ownVpc(): IVpc {
    const isPrivate = this.#props.egress === 'endpoints'
    const vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr(CIDR),
      maxAzs: 2,
      // One NAT gateway serves both availability zones, because a second gateway would double the cost. If the zone of
      // the gateway fails, functions in the other zone can't call models either, until the zone works again.
      natGateways: isPrivate ? 0 : 1,
      subnetConfiguration: isPrivate
        ? [{ name: SUBNETS, subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 }]
        : [
            { name: SUBNETS, subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 24 },
            { name: 'Public', subnetType: SubnetType.PUBLIC, cidrMask: 28, mapPublicIpOnLaunch: false },
          ],
      // The rules of the VPC's default security group stay. To remove them, the CDK would add a function with rights
      // over security groups. Nothing uses the default group.
      restrictDefaultSecurityGroup: false,
      gatewayEndpoints: {
        DynamoDb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
        S3: { service: GatewayVpcEndpointAwsService.S3 },
      },
    })
    const logGroup = new LogGroup(this, 'FlowLogs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    vpc.addFlowLog('FlowLog', { destination: FlowLogDestination.toCloudWatchLogs(logGroup) })
    // The cast is needed, because the CDK's types contradict each other under TypeScript's `exactOptionalPropertyTypes`.
    return vpc as IVpc
  }

  /**
   * Adds VPC endpoints, through which functions call AWS without a NAT gateway. The endpoints accept calls from the
   * security groups of functions. The broker's event source mappings are in another group, which `allowAws` adds.
   */
  #addEndpoints(): void {
    const group = this.newGroup(
      this,
      'Endpoints',
      'Endpoints of AWS: HTTPS from functions and from event source mappings.',
    )
    for (const from of this.allGroups()) group.addIngressRule(from, HTTPS)
    this.#endpoints = group
    for (const [id, service] of Object.entries(servicesFor(this.#props)))
      this.vpc.addInterfaceEndpoint(id, {
        service,
        securityGroups: [group],
        open: false,
        subnets: { subnetGroupName: SUBNETS },
      })
  }

  /**
   * Lets a security group call AWS. In a created VPC, the calls go through the NAT gateway or the VPC endpoints. In a
   * given VPC, they go through the routes of that VPC.
   */
  allowAws(group: SecurityGroup): void {
    group.addEgressRule(Peer.anyIpv4(), HTTPS)
    this.#endpoints?.addIngressRule(group, HTTPS)
  }
}

const SUBNETS = 'Functions'

/** The CDK's checks of the form of ids of VPCs and security groups. `acceptIds` turns them off for the ids in pipeline.yaml, which are checked already. */
const ID_RULES = ['CloudFormation-Validate::E1150', 'CloudFormation-Validate::E1151']

export function acceptIds(scope: IConstruct): void {
  for (const id of ID_RULES)
    Validations.of(scope).acknowledge({
      id,
      reason:
        'pipeline.yaml gives the ids, and their form is checked there. Only a deployment can tell whether they exist.',
    })
}

/**
 * Imports the given VPC. It does not import the subnets, because functions and the broker get the given ids directly.
 */
const importedVpc = (scope: Construct, { vpc, availability_zones }: Network): IVpc =>
  Vpc.fromVpcAttributes(scope, 'Vpc', { vpcId: vpc, availabilityZones: [...availability_zones] })

/**
 * Returns the AWS services that need a VPC endpoint. Functions call Secrets Manager and the RDS Data API, and workers
 * call the models of AWS. Event source mappings call Lambda, STS and Secrets Manager.
 */
function servicesFor({ models, telemetry }: NetworkProps): Record<string, InterfaceVpcEndpointAwsService> {
  const signed = new Set(
    Object.values(models).flatMap(({ endpoint: { auth } }) => (auth && 'sigv4' in auth ? [auth.sigv4] : [])),
  )
  return {
    Lambda: InterfaceVpcEndpointAwsService.LAMBDA,
    RdsData: InterfaceVpcEndpointAwsService.RDS_DATA,
    SecretsManager: InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
    Sts: InterfaceVpcEndpointAwsService.STS,
    ...(signed.has('bedrock') && { BedrockRuntime: InterfaceVpcEndpointAwsService.BEDROCK_RUNTIME }),
    ...(signed.has('sagemaker') && { SagemakerRuntime: InterfaceVpcEndpointAwsService.SAGEMAKER_RUNTIME }),
    ...(tracesToXray(telemetry) && { XRay: InterfaceVpcEndpointAwsService.XRAY }),
  }
}

/** Returns the ports in the URLs of the models. */
const portsOf = (models: NetworkProps['models']): number[] =>
  Object.values(models)
    .flatMap(({ endpoint, batch }) => [endpoint.url, batch?.url ?? endpoint.url])
    .map(portOf)

/** Returns the ports of the receivers of traces and metrics. */
const portsOfTelemetry = (telemetry: Telemetry): number[] => otherReceivers(telemetry).map(({ url }) => portOf(url))

function portOf(url: string): number {
  const { port, protocol } = new URL(url)
  if (port !== '') return Number(port)
  return protocol === 'https:' ? 443 : 80
}
