import { Aws, Duration } from 'aws-cdk-lib'
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { Construct } from 'constructs'

export interface AlarmProps {
  readonly metric: IMetric
  /** The alarm starts at this value of the metric, and above it. */
  readonly threshold: number
  /** The alarm needs this many periods in a row. Default: 1. */
  readonly periods?: number
  /** Says what has happened, and why the threshold has its value. The person on call reads this first. */
  readonly description: string
  /** The anchor of a heading in docs/runbook.md. */
  readonly runbook: string
}

/** The time that one value of an alarm's metric covers. Standard metrics have too few values for a shorter time. */
export const ALARM_PERIOD = Duration.minutes(5)

/** The topic that gets the alarms. The person on call subscribes to it. */
export class Alarms extends Construct {
  readonly topic: Topic

  constructor(scope: Construct, id: string) {
    super(scope, id)
    // The topic is not encrypted with a KMS key of its own, because a message says only which threshold was exceeded.
    // It contains no data of a request.
    this.topic = new Topic(this, 'Topic', { displayName: 'Sluice alarms', enforceSSL: true })
    // `enforceSSL` replaces the topic's default policy, and only the default policy lets the alarms of this account
    // publish. So this statement allows these alarms.
    this.topic.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
      }),
    )
  }

  /** Adds an alarm to the construct that it watches. */
  add(scope: Construct, id: string, props: AlarmProps): void {
    const alarm = new Alarm(scope, id, {
      metric: props.metric,
      threshold: props.threshold,
      evaluationPeriods: props.periods ?? 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      // An idle queue or function reports no values. Missing values must not start an alarm.
      treatMissingData: TreatMissingData.NOT_BREACHING,
      alarmDescription: `${props.description} Runbook: docs/runbook.md#${props.runbook}`,
    })
    alarm.addAlarmAction(new SnsAction(this.topic))
    alarm.addOkAction(new SnsAction(this.topic))
  }
}
