import { join } from 'node:path'
import { type Duration, RemovalPolicy } from 'aws-cdk-lib'
import { type IMetric, MathExpression, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch'
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import {
  ApplicationLogLevel,
  Architecture,
  type CfnFunction,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  RecursiveLoop,
  Runtime,
  SystemLogLevel,
} from 'aws-cdk-lib/aws-lambda'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import type * as z from 'zod'
import type { BaseEnv as BaseEnvSchema } from '../../functions/core/platform/env.ts'
import { SETTINGS_FILE } from '../../functions/core/platform/settings.ts'
import { type EntryPoint, writeBundle } from '../bundle.ts'
import { ALARM_PERIOD } from './alarms.ts'
import type { Deployment } from './deployment.ts'
import { USUAL_MEMORY } from './worker-memory.ts'

type Base = z.infer<typeof BaseEnvSchema>

/** The variables of an entry point's `Env` but for those that every function gets. */
export type Own<Env extends Base> = Omit<Env, keyof Base>

export interface SluiceFunctionProps {
  readonly deployment: Deployment
  readonly entryPoint: EntryPoint
  /** What the function is called in logs and metrics, after the pipeline's name; by default as its entry point. */
  readonly service?: string
  /** To be checked with `satisfies Own<Env>`, so that a variable the entry point lacks is a type error. */
  readonly environment: Readonly<Record<string, string>>
  /** The entry point's part of pipeline.yaml, read with `readSettings`. */
  readonly settings?: unknown
  readonly timeout: Duration
  /** In MB. */
  readonly memory?: number
  /** Its invocations that may wait for seconds at a time: the local system has room for others beside them. */
  readonly waits?: number
  /** Some functions send to the queue that invokes them; Lambda stops others that do. */
  readonly mayLoop?: boolean
}

/**
 * One Lambda function with a role and a log group of its own.
 *
 * None reserves concurrency unless pipeline.yaml says so: the mappings bound what consumes queues, leases bound what waits, and
 * a reservation fails to deploy in an account that still has Lambda's initial limit.
 */
export class SluiceFunction extends Construct {
  readonly lambda: LambdaFunction
  readonly role: Role
  readonly #service: string
  readonly #namespace: string

  constructor(scope: Construct, id: string, props: SluiceFunctionProps) {
    super(scope, id)
    const { deployment, entryPoint } = props
    const { name, observability, reserved_concurrency } = deployment.pipeline
    const reserved: Partial<Record<EntryPoint, number | undefined>> = reserved_concurrency
    const reservedConcurrentExecutions = reserved[entryPoint]
    const { log_level, namespace } = observability
    // Deployments of one account may share a namespace: their names keep them apart.
    this.#service = `${name}-${props.service ?? entryPoint}`
    this.#namespace = namespace
    // No managed policy: the one for logs allows every log group of the account.
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') })
    const logGroup = new LogGroup(this, 'Logs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    logGroup.grantWrite(this.role)
    this.lambda = new LambdaFunction(this, 'Lambda', {
      code: Code.fromAsset(this.#writeCode(props)),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      // None but the worker ever holds more than one body or result of 4 MB, or than the 6 MB that Lambda hands over.
      memorySize: props.memory ?? USUAL_MEMORY,
      timeout: props.timeout,
      ...(reservedConcurrentExecutions !== undefined && { reservedConcurrentExecutions }),
      role: this.role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      // Metrics are lines of level INFO: a higher level here would drop them, too. The logger itself keeps `log_level`.
      applicationLogLevelV2: log_level === 'DEBUG' ? ApplicationLogLevel.DEBUG : ApplicationLogLevel.INFO,
      // A start and a report line an invocation would cost more than our own lines; failures are WARN and stay.
      systemLogLevelV2: SystemLogLevel.WARN,
      ...(props.mayLoop && { recursiveLoop: RecursiveLoop.ALLOW }),
      environment: { ...baseEnvironment(deployment, this.#service), ...props.environment },
    })
    this.#note(props)
  }

  /** Notes in the template for whoever runs it elsewhere than on Lambda, which starts environments as they are needed. */
  #note({ waits }: SluiceFunctionProps): void {
    if (waits !== undefined) (this.lambda.node.defaultChild as CfnFunction).addMetadata('sluice:waits', waits)
  }

  /** Allows exactly these actions on exactly these resources. */
  allow(actions: string[], resources: string[]): void {
    this.role.addToPolicy(new PolicyStatement({ effect: Effect.ALLOW, actions, resources }))
  }

  /** The sum of what the function counts under a name; of one model, if it counts that apart. */
  counted(metricName: string, model?: string): Metric {
    return new Metric({
      namespace: this.#namespace,
      metricName,
      dimensionsMap: { service: this.#service, ...(model !== undefined && { model }) },
      statistic: Stats.SUM,
    })
  }

  /** Invocations that failed, and messages that others could not deal with: a queue's own age leaves out what has come thrice. */
  comesAgain(): IMetric {
    return new MathExpression({
      expression: 'FILL(errors, 0) + FILL(returned, 0)',
      usingMetrics: { errors: this.lambda.metricErrors(), returned: this.counted('ReturnedMessages') },
      period: ALARM_PERIOD,
      label: 'comes again',
    })
  }

  #writeCode({ deployment, entryPoint, settings }: SluiceFunctionProps): string {
    const folder = join(deployment.assets, this.node.addr)
    const file = settings === undefined ? undefined : { file: SETTINGS_FILE, content: settings }
    writeBundle(deployment.bundles[entryPoint], folder, file)
    return folder
  }
}

function baseEnvironment({ pipeline }: Deployment, service: string): Base {
  const { name } = pipeline
  const { log_level, namespace, fields } = pipeline.observability
  return {
    POWERTOOLS_SERVICE_NAME: service,
    POWERTOOLS_METRICS_NAMESPACE: namespace,
    POWERTOOLS_LOG_LEVEL: log_level,
    DEPLOYMENT: name,
    LOG_FIELDS: JSON.stringify(fields),
  }
}
