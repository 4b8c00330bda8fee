import type { Metric } from 'aws-cdk-lib/aws-cloudwatch'
import { Construct } from 'constructs'
import { ALARM_PERIOD } from './alarms.ts'
import type { Deployment } from './deployment.ts'
import { metricOf } from './metrics.ts'

/** Watches the defects of all functions together. There is one metric and one alarm, however many models the pipeline has. */
export class Defects extends Construct {
  readonly metric: Metric

  constructor(scope: Construct, id: string, { alarms, pipeline }: Deployment) {
    super(scope, id)
    this.metric = metricOf('Defects', {
      namespace: pipeline.observability.namespace,
      service: pipeline.name,
    }).with({ period: ALARM_PERIOD })
    alarms.add(this, 'Alarm', {
      metric: this.metric,
      threshold: 1,
      description:
        'A function met a defect, such as a bug, a missing permission or a wrong name. A single defect starts the alarm, because it does not end by itself.',
      runbook: 'a-function-has-a-defect',
    })
  }
}
