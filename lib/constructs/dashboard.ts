import { Aws, Duration } from 'aws-cdk-lib'
import { Dashboard as CloudWatchDashboard, GraphWidget, type IMetric, Stats } from 'aws-cdk-lib/aws-cloudwatch'
import { Construct } from 'constructs'
import type { FrontDoor } from './front-door.ts'
import type { Gateway } from './gateway.ts'
import type { Intake } from './intake.ts'
import type { LedgerDatabase } from './ledger-database.ts'
import type { Model } from './model.ts'
import type { Results } from './results.ts'
import type { WorkQueue } from './work-queue.ts'

export interface DashboardProps {
  readonly name: string
  readonly frontDoor: FrontDoor
  readonly gateway: Gateway
  /** Absent without inputs. */
  readonly intake: Intake | undefined
  readonly models: readonly Model[]
  readonly results: Results
  readonly ledger: LedgerDatabase
}

/** The flow from left to right, a row a step: is it taken in, does it wait, is it run, is it recorded. */
export class Dashboard extends Construct {
  readonly url: string

  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id)
    new CloudWatchDashboard(this, 'Dashboard', {
      dashboardName: props.name,
      defaultInterval: Duration.hours(3),
      widgets: [
        frontDoorRow(props.frontDoor),
        ...(props.intake ? [inputsRow(props.intake)] : []),
        requestsRow(props),
        ...props.models.map(modelRows),
        resultsRow(props),
      ],
    })
    this.url = `https://${Aws.REGION}.console.aws.amazon.com/cloudwatch/home?region=${Aws.REGION}#dashboards/dashboard/${props.name}`
  }
}

const graph = (title: string, left: IMetric[]): GraphWidget => new GraphWidget({ title, left, width: 8 })

function frontDoorRow({ api }: FrontDoor): GraphWidget[] {
  return [
    graph('Calls', [api.metricCount({ statistic: Stats.SUM })]),
    graph('Refused and failed', [
      api.metricClientError({ statistic: Stats.SUM }),
      api.metricServerError({ statistic: Stats.SUM }),
    ]),
    graph('Latency', [api.metricLatency({ statistic: Stats.p(50) }), api.metricLatency({ statistic: Stats.p(99) })]),
  ]
}

function inputsRow({ inputs, handler }: Intake): GraphWidget[] {
  return [
    graph('Inputs: waiting', inputs.flatMap(waiting)),
    graph('Inputs: oldest', inputs.map(oldest)),
    graph('Inputs: admitted', [handler.counted('AcceptedRequests'), handler.counted('RefusedRequests')]),
  ]
}

function requestsRow({ gateway, results }: DashboardProps): GraphWidget[] {
  const { handler } = gateway
  const { collector } = results
  return [
    graph('Admitted', [handler.counted('AcceptedRequests'), handler.counted('RefusedRequests')]),
    graph('Ended', [collector.counted('CompletedRequests'), collector.counted('FailedRequests')]),
    graph('Tokens', [handler.counted('ReservedTokens'), collector.counted('ChargedTokens')]),
  ]
}

/** Two rows: how its requests fare, and what becomes of their calls. */
function modelRows({ name, queues, worker }: Model): GraphWidget[] {
  const both = Object.values(queues)
  return [
    graph(`${name}: waiting`, both.flatMap(waiting)),
    graph(`${name}: oldest`, both.map(oldest)),
    graph(`${name}: workers`, [
      worker.lambda.metricInvocations(),
      worker.lambda.metricErrors(),
      worker.lambda.metricThrottles(),
    ]),
    graph(`${name}: calls`, [
      worker.counted('ModelCalls'),
      worker.counted('FailedCalls'),
      worker.counted('RetriedRequests'),
      worker.counted('BatchSize').with({ statistic: Stats.AVERAGE, label: 'requests a call, where there are batches' }),
    ]),
    graph(`${name}: put back`, [
      worker.counted('DeferredByCircuit'),
      worker.counted('DeferredByPause'),
      worker.counted('DeferredByRateLimit'),
    ]),
    graph(`${name}: circuit and pauses`, [
      worker.counted('CircuitOpened'),
      worker.counted('CircuitClosed'),
      worker.counted('ModelPaused'),
    ]),
  ]
}

function resultsRow({ results, ledger }: DashboardProps): GraphWidget[] {
  return [
    graph('Results: waiting', waiting(results.work)),
    graph('Results: oldest', [oldest(results.work)]),
    graph('Ledger', [ledger.cluster.metricServerlessDatabaseCapacity({ statistic: Stats.MAXIMUM })]),
  ]
}

const waiting = ({ name, queue, deadLetters }: WorkQueue): IMetric[] => [
  queue.metricApproximateNumberOfMessagesVisible({ label: name }),
  deadLetters.metricApproximateNumberOfMessagesVisible({ label: `${name} (dead letters)` }),
]

const oldest = ({ name, queue }: WorkQueue): IMetric =>
  queue.metricApproximateAgeOfOldestMessage({ statistic: Stats.MAXIMUM, label: name })
