import { Aws, Duration } from 'aws-cdk-lib'
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { Construct } from 'constructs'

export interface AlarmProps {
  readonly metric: IMetric
  /** Alarms at this value and above. */
  readonly threshold: number
  /** How many periods of the metric in a row; 1 unless a single one says too little. */
  readonly periods?: number
  /** What has happened and why the threshold is what it is: the person who is woken reads this first. */
  readonly description: string
  /** A heading of docs/runbook.md, as its anchor. */
  readonly runbook: string
}

/** How long one value of an alarm's metric covers: the shortest that standard metrics are dense enough for. */
export const ALARM_PERIOD = Duration.minutes(5)

/** Where alarms go: a topic that whoever is on call subscribes to. */
export class Alarms extends Construct {
  readonly topic: Topic

  constructor(scope: Construct, id: string) {
    super(scope, id)
    // Not encrypted with a key of ours: a message says which threshold was passed, nothing of a request.
    this.topic = new Topic(this, 'Topic', { displayName: 'Sluice alarms', enforceSSL: true })
    // The policy that refuses what comes in the clear replaces the topic's own, which let the account's alarms in.
    this.topic.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
      }),
    )
  }

  /** Adds an alarm to the construct whose step it watches. */
  add(scope: Construct, id: string, props: AlarmProps): void {
    const alarm = new Alarm(scope, id, {
      metric: props.metric,
      threshold: props.threshold,
      evaluationPeriods: props.periods ?? 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      // Idle queues and functions report nothing, which is no reason to wake anyone.
      treatMissingData: TreatMissingData.NOT_BREACHING,
      alarmDescription: `${props.description} Runbook: docs/runbook.md#${props.runbook}`,
    })
    alarm.addAlarmAction(new SnsAction(this.topic))
    alarm.addOkAction(new SnsAction(this.topic))
  }
}
