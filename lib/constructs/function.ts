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
import type { Deployment, PlacedFunction } from './deployment.ts'
import { FunctionCode } from './function-code.ts'
import { metricOf, sumOverModels } from './metrics.ts'
import { USUAL_MEMORY } from './worker-memory.ts'

type Base = z.infer<typeof BaseEnvSchema>

/** The functions that requests pass through. Only these send traces. */
const TRACED: ReadonlySet<EntryPoint> = new Set(['gateway', 'intake', 'reader', 'worker', 'collector', 'sweeper'])

/** Writes a number without an exponent. */
const decimal = (fraction: number): string => fraction.toFixed(9).replace(/\.?0+$/, '')

/** The variables that only this entry point has. The others of its `Env` come from the function and from its `queues`. */
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
  /** The part of pipeline.yaml that the entry point needs. It reads this with `readSettings`. */
  readonly settings?: unknown
  readonly timeout: Duration
  /** The memory of the function, in MB. */
  readonly memory?: number
  /**
   * The number of its invocations that may wait for seconds at the same time. The local system has room for others
   * besides them.
   */
  readonly waits?: number
  /** Whether the function calls models, whose addresses may have any port. */
  readonly callsModels?: boolean
  /** Whether the function may send to the queue that invokes it. Lambda stops other functions that do this. */
  readonly mayLoop?: boolean
}

/**
 * One Lambda function with its own role and log group.
 *
 * It reserves no concurrency unless pipeline.yaml says so. Event source mappings already limit the consumers of queues, and leases
 * limit the waiting calls. A reservation would fail to deploy in an account that still has Lambda's initial limit.
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
    // Deployments in one account may share a namespace, so the name of the pipeline distinguishes them.
    this.#service = `${name}-${props.service ?? entryPoint}`
    this.#namespace = namespace
    // The role has no managed policy, because AWS's policy for logs would allow every log group of the account.
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') })
    const logGroup = new LogGroup(this, 'Logs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    logGroup.grantWrite(this.role)
    if (TRACED.has(entryPoint)) deployment.tracing?.allow(this.role)
    this.lambda = new LambdaFunction(this, 'Lambda', {
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
      // Metrics are log lines of level INFO, and a higher level here would drop them too. The logger itself uses `log_level`.
      applicationLogLevelV2: log_level === 'DEBUG' ? ApplicationLogLevel.DEBUG : ApplicationLogLevel.INFO,
      // Lambda's start and report lines per invocation would cost more than our own lines. Its failures are at level
      // WARN, so they stay.
      systemLogLevelV2: SystemLogLevel.WARN,
      ...(props.mayLoop && { recursiveLoop: RecursiveLoop.ALLOW }),
      environment: {
        ...baseEnvironment(deployment, this.#service),
        ...props.queues?.environment,
        ...props.environment,
      },
    })
    this.#note(props)
    deployment.network?.place(this, { queues: props.queues !== undefined, models: props.callsModels ?? false })
  }

  /**
   * Writes `waits` into the template for the local system. Lambda itself does not need it, because it starts
   * environments on demand.
   */
  #note({ waits }: SluiceFunctionProps): void {
    const { defaultChild } = this.lambda.node
    if (waits !== undefined && defaultChild instanceof CfnFunction) defaultChild.addMetadata('sluice:waits', waits)
  }

  /** Allows these actions on these resources, and nothing else. */
  allow(actions: string[], resources: string[]): void {
    this.role.addToPolicy(new PolicyStatement({ effect: Effect.ALLOW, actions, resources }))
  }

  /** Returns a metric that the function counts or measures. `model` is for one that CloudWatch keeps per model. */
  counted(name: MetricName, model?: string): Metric {
    return metricOf(name, { namespace: this.#namespace, service: this.#service, model })
  }

  /** Returns a metric that CloudWatch keeps per model, added up over all models. An alarm can't use it. */
  countedForAll(name: MetricName): IMetric {
    return sumOverModels(name, { namespace: this.#namespace, service: this.#service })
  }

  /**
   * Counts failed invocations, and messages that the function returned to their queue. It is needed because SQS's metric for the oldest
   * message ignores messages that were received three times.
   */
  failedDeliveries(): IMetric {
    return new MathExpression({
      expression: 'FILL(errors, 0) + FILL(returned, 0)',
      usingMetrics: { errors: this.lambda.metricErrors(), returned: this.counted('ReturnedMessages') },
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
