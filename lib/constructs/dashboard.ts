import { Aws, Duration } from 'aws-cdk-lib'
import {
  Dashboard as CloudWatchDashboard,
  GraphWidget,
  type IMetric,
  type Metric,
  Stats,
} from 'aws-cdk-lib/aws-cloudwatch'
import { Construct } from 'constructs'
import type { MetricName } from '../../functions/core/platform/metrics/definitions.ts'
import type { Defects } from './defects.ts'
import type { FrontDoor } from './front-door.ts'
import type { SluiceFunction } from './function.ts'
import type { Gateway } from './gateway.ts'
import type { Intake } from './intake.ts'
import type { LedgerDatabase } from './ledger-database.ts'
import type { Model } from './model.ts'
import type { Reader } from './reader.ts'
import type { Results } from './results.ts'
import type { Sweeper } from './sweeper.ts'
import type { DeadLetters, WorkQueue } from './work-queue.ts'

export interface DashboardProps {
  readonly name: string
  readonly frontDoor: FrontDoor
  readonly gateway: Gateway
  readonly reader: Reader
  readonly sweeper: Sweeper
  /** Undefined if pipeline.yaml has no `inputs`. */
  readonly intake: Intake | undefined
  readonly models: readonly Model[]
  readonly results: Results
  readonly ledger: LedgerDatabase
  readonly defects: Defects
}

/** Shows one row per step of a request: it is admitted, it waits, it runs, its result is recorded. */
export class Dashboard extends Construct {
  readonly url: string

  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id)
    // The names of dashboards must be unique in an account, and not only in a region. So the name contains the region.
    // Otherwise a pipeline could not be deployed in a second region of the account.
    const dashboardName = `${props.name}-${Aws.REGION}`
    new CloudWatchDashboard(this, 'Dashboard', {
      dashboardName,
      defaultInterval: Duration.hours(3),
      widgets: [
        frontDoorRow(props.frontDoor),
        ...(props.intake ? [inputsRow(props.intake)] : []),
        requestsRow(props),
        ...props.models.map(model => modelRows(model, props.results)),
        resultsRow(props),
      ],
    })
    this.url = `https://${Aws.REGION}.console.aws.amazon.com/cloudwatch/home?region=${Aws.REGION}#dashboards/dashboard/${dashboardName}`
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
    graph('Inputs: waiting', inputs.map(waiting)),
    graph('Inputs: oldest', oldest(inputs)),
    graph('Inputs: admitted', [
      handler.counted('AcceptedRequests'),
      handler.counted('RefusedRequests'),
      handler.counted('ReturnedMessages'),
    ]),
  ]
}

function requestsRow({ gateway, reader, sweeper, results }: DashboardProps): GraphWidget[] {
  const { handler } = gateway
  const { collector } = results
  return [
    graph('Admitted', [handler.counted('AcceptedRequests'), handler.counted('RefusedRequests')]),
    graph('Ended', ends(collector)),
    graph('Time to the end', percentiles(collector.counted('TimeToEnd'))),
    graph('Lost and refused beside requests', [
      handler.counted('RefusedWaits'),
      reader.handler.counted('RefusedWaits'),
      sweeper.handler.counted('StaleReservations'),
    ]),
  ]
}

/** Shows what happens to the requests of a model and to their calls. */
function modelRows(model: Model, { collector }: Results): GraphWidget[] {
  const { name, queues, worker } = model
  const both = Object.values(queues)
  return [
    graph(`${name}: waiting`, both.map(waiting)),
    graph(`${name}: oldest`, [...oldest(both), model.timeLeft()]),
    graph(`${name}: ended`, ends(collector, name)),
    graph(`${name}: workers`, [
      worker.lambda.metricInvocations(),
      worker.lambda.metricErrors(),
      worker.lambda.metricThrottles(),
      worker.counted('ReturnedMessages'),
    ]),
    graph(`${name}: calls`, [
      worker.counted('ModelLatency').with({ statistic: Stats.SAMPLE_COUNT, label: 'calls' }),
      worker.counted('FailedCalls'),
      worker.counted('RetriedRequests'),
      worker.counted('UnreadableUsage'),
      worker
        .counted('BatchSize')
        .with({ statistic: Stats.AVERAGE, label: 'requests per call, where there are batches' }),
    ]),
    graph(`${name}: time of a call`, percentiles(worker.counted('ModelLatency'))),
    graph(`${name}: deferred`, [
      worker.counted('DeferredByHalt'),
      worker.counted('DeferredByCircuit'),
      worker.counted('DeferredByPause'),
      worker.counted('DeferredByRateLimit'),
      worker.counted('DeferredByConcurrency'),
      worker.counted('AttemptsGivenBack'),
    ]),
    graph(`${name}: circuit and pauses`, [
      worker.counted('ModelHalted'),
      worker.counted('ModelResumed'),
      worker.counted('CircuitOpened'),
      worker.counted('CircuitClosed'),
      worker.counted('ModelPaused'),
    ]),
  ]
}

function resultsRow({ gateway, reader, intake, models, results, ledger, defects }: DashboardProps): GraphWidget[] {
  const deadLetters = [results.givenUp, ...[results.work, ...(intake?.inputs ?? [])].map(work => work.deadLetters)]
  const traced = [gateway.handler, reader.handler, results.collector, ...models.map(({ worker }) => worker)]
  return [
    graph('Dead-letter queues: waiting', deadLetters.map(waiting)),
    graph('Results: waiting', [waiting(results.work), results.collector.counted('ReturnedMessages')]),
    graph('Results: oldest', oldest([results.work])),
    graph('Ledger', [ledger.cluster.metricServerlessDatabaseCapacity({ statistic: Stats.MAXIMUM })]),
    graph('Defects', [defects.metric]),
    graph(
      'Dropped spans',
      traced.map(fn => fn.counted('DroppedSpans')),
    ),
  ]
}

const waiting = (queue: WorkQueue | DeadLetters): IMetric => queue.waiting()

/** Returns the metric of the oldest message's age, for each queue whose backend measures this age. RabbitMQ does not measure it. */
const oldest = (queues: readonly WorkQueue[]): IMetric[] =>
  queues.flatMap(queue => queue.oldest()?.with({ label: queue.name }) ?? [])

/** Makes the metrics that count ended requests, one per terminal status, for one model or for all models. */
const ends = (collector: SluiceFunction, model?: string): IMetric[] =>
  ENDS.map(name => (model === undefined ? collector.countedForAll(name) : collector.counted(name, model)))

const ENDS: readonly MetricName[] = ['CompletedRequests', 'FailedRequests', 'ExpiredRequests', 'CancelledRequests']

/** Makes two metrics of a histogram: its median, and its 99th percentile. */
const percentiles = (metric: Metric): IMetric[] =>
  [50, 99].map(percent => metric.with({ statistic: Stats.p(percent), label: `p${percent}` }))
