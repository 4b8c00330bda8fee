import { Duration } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { Settings as AdmissionSettings } from '../../functions/core/admission/settings.ts'
import { GIVES_WAY_ABOVE } from '../../functions/core/domain/gives-way.ts'
import { GATEWAY_TIMEOUT_MS } from '../../functions/core/domain/timing.ts'
import type { Env } from '../../functions/gateway/env.ts'
import type { Settings } from '../../functions/gateway/settings.ts'
import { abilitiesOf } from '../config/providers/abilities.ts'
import { rabbitMqOf } from '../config/queue-schema.ts'
import type { Pipeline } from '../config/schema.ts'
import { ALARM_PERIOD } from './alarms.ts'
import type { Deployment } from './deployment.ts'
import { type Own, SluiceFunction } from './function.ts'
import type { LedgerDatabase } from './ledger-database.ts'
import type { PayloadStore } from './payload-store.ts'
import type { Tables } from './tables.ts'
import type { QueueBackend, WorkQueue } from './work-queue.ts'

export interface GatewayProps {
  readonly deployment: Deployment
  readonly queues: QueueBackend
  readonly tables: Tables
  readonly payloads: PayloadStore
  readonly ledger: LedgerDatabase
  /** The queues of all models, and the results queue. */
  readonly targets: readonly WorkQueue[]
}

/** Admits requests. A client that posts a request waits for this function. */
export class Gateway extends Construct {
  readonly handler: SluiceFunction

  constructor(scope: Construct, id: string, props: GatewayProps) {
    super(scope, id)
    const { deployment, tables, payloads, ledger } = props
    this.handler = new SluiceFunction(this, 'Function', {
      deployment,
      entryPoint: 'gateway',
      settings: gatewaySettings(deployment.pipeline),
      environment: {
        ...ledger.environment('gateway'),
        REQUESTS_TABLE: tables.requests.tableName,
        QUOTA_TABLE: tables.quota.tableName,
        PAYLOADS_BUCKET: payloads.bucket.bucketName,
      } satisfies Own<Env>,
      queues: props.queues,
      timeout: Duration.millis(GATEWAY_TIMEOUT_MS),
      waits: deployment.pipeline.waiting.total,
    })
    this.handler.allow(
      ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      [tables.requests.tableArn, tables.quota.tableArn],
    )
    props.queues.allowSending(this.handler, props.targets)
    // The gateway reads a result if the client waits for the result (`Prefer: wait`). It deletes the body of a request
    // that it rejects because a write or a send failed.
    payloads.allow(this.handler, 's3:DeleteObject', 's3:GetObject', 's3:PutObject')
    ledger.allow(this.handler, 'gateway', 'rds-data:ExecuteStatement')
    deployment.alarms.add(this, 'ErrorsAlarm', {
      metric: this.handler.lambda.metricErrors({ period: ALARM_PERIOD }),
      threshold: 1,
      description:
        'The gateway crashes or runs out of time. A single failure starts the alarm: the gateway answers all faults that it knows, so each of these failures is a defect.',
      runbook: 'requests-are-not-admitted',
    })
  }
}

const gatewaySettings = (pipeline: Pipeline): Settings => ({
  ...admissionSettings(pipeline),
  waiting: pipeline.waiting,
  openai: abilitiesOf(pipeline),
})

/** Returns the settings of every function that admits requests. */
export function admissionSettings({ quotas, routing, models, queue }: Pipeline): AdmissionSettings {
  return {
    quotas,
    routing,
    models: Object.keys(models),
    ...estimatesOf(models),
    expire_after_ms: queue.expire_after,
    ...(rabbitMqOf(queue) && { gives_way_above: GIVES_WAY_ABOVE }),
  }
}

function estimatesOf(models: Pipeline['models']): Pick<AdmissionSettings, 'estimates'> {
  const own = Object.entries(models).flatMap(([name, { estimate }]) =>
    estimate === undefined ? [] : [[name, estimate]],
  )
  return own.length === 0 ? {} : { estimates: Object.fromEntries(own) }
}
