import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch'
import { Construct } from 'constructs'
import { ALARM_PERIOD } from './alarms.ts'
import type { Deployment } from './deployment.ts'

/** Watches the defects of all functions together: one metric and one alarm, however many models there are. */
export class Defects extends Construct {
  readonly metric: Metric

  constructor(scope: Construct, id: string, { alarms, pipeline }: Deployment) {
    super(scope, id)
    this.metric = new Metric({
      namespace: pipeline.observability.namespace,
      metricName: 'Defects',
      dimensionsMap: { service: pipeline.name },
      statistic: Stats.SUM,
      period: ALARM_PERIOD,
    })
    alarms.add(this, 'Alarm', {
      metric: this.metric,
      threshold: 1,
      description:
        'A function met a defect: a bug, a missing permission, a wrong name. One is enough, since it does not pass by itself.',
      runbook: 'a-function-has-a-defect',
    })
  }
}
