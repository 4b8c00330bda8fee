import { type Duration, RemovalPolicy } from 'aws-cdk-lib'
import { type IMetric, MathExpression, type Metric } from 'aws-cdk-lib/aws-cloudwatch'
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import {
  ApplicationLogLevel,
  Architecture,
  CfnFunction,
  Function as LambdaFunction,
  LoggingFormat,
  RecursiveLoop,
  Runtime,
  SystemLogLevel,
} from 'aws-cdk-lib/aws-lambda'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import type * as z from 'zod'
import type { BaseEnv as BaseEnvSchema, QueueEnv } from '../../functions/core/platform/env.ts'
import type { MetricName } from '../../functions/core/platform/metrics/definitions.ts'
import { SETTINGS_FILE } from '../../functions/core/platform/settings.ts'
import { bundleOf, type EntryPoint } from '../bundle.ts'
import { ALARM_PERIOD } from './alarms.ts'
import type { Deployment, Environments, PlacedFunction } from './deployment.ts'
import { FunctionCode } from './function-code.ts'
import { metricOf, sumOverModels } from './metrics.ts'
import { USUAL_MEMORY } from './worker-memory.ts'

type Base = z.infer<typeof BaseEnvSchema>

/** The functions that work on requests. Only these send traces. */
const TRACED: ReadonlySet<EntryPoint> = new Set(['gateway', 'intake', 'reader', 'worker', 'collector', 'sweeper'])

/** Writes a number without an exponent. */
const decimal = (fraction: number): string => fraction.toFixed(9).replace(/\.?0+$/, '')

/** The environment variables that only this entry point has. `SluiceFunction` and its `queues` add all other variables of `Env`. */
export type Own<Env extends Base> = Omit<Env, keyof Base | keyof QueueEnv>

export interface SluiceFunctionProps {
  readonly deployment: Deployment
  readonly entryPoint: EntryPoint
  /** The name of the function in logs and metrics, after the pipeline's name. Default: the name of its entry point. */
  readonly service?: string
  /** Write it with `satisfies Own<Env>`, so that a missing variable is a type error. */
  readonly environment: Readonly<Record<string, string>>
  /** The backend of the queues, if the function sends or takes messages. */
  readonly queues?: { readonly environment: Readonly<Record<string, string>> }
  /** The part of pipeline.yaml that the entry point needs. The function reads this part with `readSettings`. */
  readonly settings?: unknown
  readonly timeout: Duration
  /** The memory of the function, in MB. */
  readonly memory?: number
  /**
   * The number of the function's invocations that may wait for seconds at the same time, for example for the end of a
   * request. The local system allows this number of invocations, and further invocations that do not wait.
   */
  readonly waits?: number
  /** Whether the function calls models, whose addresses may have any port. */
  readonly callsModels?: boolean
  /**
   * Whether the function may send messages to the queue that invokes it. Lambda stops a function that does this without
   * permission, because it takes the messages for an endless loop.
   */
  readonly mayLoop?: boolean
  /** The environments of the function on managed instances, if it runs on them. */
  readonly environments?: Environments | undefined
}

/**
 * One Lambda function with its own role and log group.
 *
 * The function has no reserved concurrency unless pipeline.yaml sets it. A limit per function is not needed: event
 * source mappings limit the consumers of queues, and leases (a limited number of places for calls that wait for a result)
 * limit the calls that wait. Reserved concurrency would also make the deployment fail in a new account, whose limit of
 * concurrent executions is low.
 */
export class SluiceFunction extends Construct implements PlacedFunction {
  readonly lambda: LambdaFunction
  readonly role: Role
  readonly #service: string
  readonly #namespace: string

  constructor(scope: Construct, id: string, props: SluiceFunctionProps) {
    super(scope, id)
    const { deployment, entryPoint } = props
    const { name, observability, reserved_concurrency } = deployment.pipeline
    const settings = props.settings === undefined ? undefined : { file: SETTINGS_FILE, content: props.settings }
    const reserved: Partial<Record<EntryPoint, number | undefined>> = reserved_concurrency
    const reservedConcurrentExecutions = reserved[entryPoint]
    const { log_level, namespace } = observability
    // Several deployments in one account may share a namespace of metrics. So the name of the service begins with the name of the pipeline. Otherwise the
    // metrics of different deployments would be added up.
    this.#service = `${name}-${props.service ?? entryPoint}`
    this.#namespace = namespace
    // The role does not use AWS's managed policy for logs, because this policy would let the function write to every
    // log group of the account.
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') })
    const logGroup = new LogGroup(this, 'Logs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    logGroup.grantWrite(this.role)
    if (TRACED.has(entryPoint)) deployment.tracing?.allow(this.role)
    // AWS can't move an existing function to managed instances or back. So a function on managed instances has an id of its own: a change of
    // `managed_instances` then makes a new function.
    this.lambda = new LambdaFunction(this, props.environments ? 'ManagedLambda' : 'Lambda', {
      code: new FunctionCode(bundleOf(deployment.bundles, entryPoint), settings),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      // Only the worker needs more memory. The other functions have at most one body or result of 4 MB, or one event of
      // 6 MB, in memory.
      memorySize: props.memory ?? USUAL_MEMORY,
      timeout: props.timeout,
      ...(reservedConcurrentExecutions !== undefined && { reservedConcurrentExecutions }),
      role: this.role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      // Metrics are log lines of level INFO. A higher level here would drop the metrics, too. So Lambda's level is
      // never above INFO, and the function's logger applies `log_level` itself.
      applicationLogLevelV2: log_level === 'DEBUG' ? ApplicationLogLevel.DEBUG : ApplicationLogLevel.INFO,
      // At level INFO, Lambda writes a start line and a report line per invocation. These lines would cost more than
      // the lines of Sluice. Lambda reports failures, such as timeouts, at level WARN or above, so these lines are
      // kept.
      systemLogLevelV2: SystemLogLevel.WARN,
      ...(props.mayLoop && { recursiveLoop: RecursiveLoop.ALLOW }),
      environment: {
        ...baseEnvironment(deployment, this.#service),
        ...props.queues?.environment,
        ...props.environment,
      },
    })
    this.#note(props)
    if (props.environments) deployment.instances?.run(this, props.environments)
    else deployment.network?.place(this, { queues: props.queues !== undefined, models: props.callsModels ?? false })
  }

  /**
   * Writes `waits` into the template for the local system. AWS Lambda does not need this number, because it starts as
   * many environments as there are invocations.
   */
  #note({ waits }: SluiceFunctionProps): void {
    const { defaultChild } = this.lambda.node
    if (waits !== undefined && defaultChild instanceof CfnFunction) defaultChild.addMetadata('sluice:waits', waits)
  }

  /** Allows these actions on these resources, and nothing else. */
  allow(actions: string[], resources: string[]): void {
    this.role.addToPolicy(new PolicyStatement({ effect: Effect.ALLOW, actions, resources }))
  }

  /** Returns a metric that the function counts or measures. `model` must be given exactly for a metric that CloudWatch keeps per model. */
  counted(name: MetricName, model?: string): Metric {
    return metricOf(name, { namespace: this.#namespace, service: this.#service, model })
  }

  /**
   * Returns a metric that CloudWatch keeps per model, added up over all models. An alarm can't use the returned metric,
   * because CloudWatch allows no search in alarms.
   */
  countedForAll(name: MetricName): IMetric {
    return sumOverModels(name, { namespace: this.#namespace, service: this.#service })
  }

  /**
   * Counts failed invocations, and messages that the function returned to their queue. An alarm on SQS's metric for the
   * oldest message is not enough, because this metric ignores messages that were received three times. So that alarm would
   * not notice messages that fail again and again. `refused` also counts invocations that Lambda refused because no environment had a place for them.
   */
  failedDeliveries({ refused = false } = {}): IMetric {
    return new MathExpression({
      expression: `FILL(errors, 0) + FILL(returned, 0)${refused ? ' + FILL(refused, 0)' : ''}`,
      usingMetrics: {
        errors: this.lambda.metricErrors(),
        returned: this.counted('ReturnedMessages'),
        ...(refused && { refused: this.lambda.metricThrottles() }),
      },
      period: ALARM_PERIOD,
      label: 'redelivered',
    })
  }
}

function baseEnvironment({ pipeline, tracing }: Deployment, service: string) {
  const { name } = pipeline
  const { log_level, namespace, fields, metrics } = pipeline.observability
  return {
    POWERTOOLS_SERVICE_NAME: service,
    POWERTOOLS_METRICS_NAMESPACE: namespace,
    POWERTOOLS_LOG_LEVEL: log_level,
    DEPLOYMENT: name,
    LOG_FIELDS: JSON.stringify(fields),
    ...(metrics && { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: metrics.endpoint }),
    ...(tracing && {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: tracing.endpoint,
      OTEL_TRACES_SAMPLER_ARG: decimal(tracing.sample),
    }),
  } satisfies Base
}
