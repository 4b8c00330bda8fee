import jsonata from 'jsonata'
import type { Observer, QueueState } from '../../lib/local/observer.ts'

type Dimensions = Readonly<Record<string, string>>

interface Value {
  readonly metric: string
  readonly value: number
  /** Epoch milliseconds. */
  readonly at: number
}

/** Imitates CloudWatch for a local system: stores the metrics of the system, and evaluates the alarms of its template. */
export interface CloudWatch {
  /** Records the metrics and events of the local system. */
  readonly observer: Observer
  /** Records the state of the queues, as CloudWatch does each minute. */
  sample(queues: readonly QueueState[]): void
  /** Advances the clock of CloudWatch. */
  advance(seconds: number): void
  /** The logical ids of the alarms whose state is "in alarm". */
  raised(): Promise<readonly string[]>
}

interface Resource {
  readonly Type: string
  readonly Properties?: Readonly<Record<string, unknown>>
}

export interface AlarmedTemplate {
  readonly Resources: Readonly<Record<string, Resource>>
}

interface Metric {
  readonly Namespace: string
  readonly MetricName: string
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: unknown }[]
}

/** The properties of an alarm that this file evaluates. */
interface Alarm extends Partial<Metric> {
  readonly Metrics?: readonly Query[]
  readonly Statistic?: string
  readonly Period?: number
  readonly Threshold: number
  readonly EvaluationPeriods: number
  readonly ComparisonOperator: string
  readonly TreatMissingData: string
}

interface Query {
  readonly Id: string
  readonly Expression?: string
  readonly MetricStat?: { readonly Metric: Metric; readonly Period: number; readonly Stat: string }
}

const STATISTICS: Readonly<Record<string, (values: readonly number[]) => number>> = {
  Sum: values => values.reduce((sum, value) => sum + value, 0),
  Maximum: values => Math.max(...values),
  Minimum: values => Math.min(...values),
}

/** Makes a CloudWatch with the alarms of the template. `stackName` is the stack name of the local system. */
export function createCloudWatch(stackName: string, template: AlarmedTemplate): CloudWatch {
  const values: Value[] = []
  let passed = 0
  const now = () => Date.now() + passed

  const put = (namespace: string, name: string, dimensions: Dimensions, value: number): void =>
    void values.push({ metric: keyOf(namespace, name, dimensions), value, at: now() })

  /** The statistic of a metric over the period that ended `ago` periods ago, or undefined if the metric has no values there. */
  function statisticOf(metric: Metric, statistic: string, period: number, ago: number): number | undefined {
    const dimensions = (metric.Dimensions ?? []).map(({ Name, Value }) => [Name, resolved(Value)])
    const key = keyOf(metric.Namespace, metric.MetricName, Object.fromEntries(dimensions))
    const end = now() - ago * period * 1_000
    const found = values.filter(({ metric, at }) => metric === key && at <= end && at > end - period * 1_000)
    const compute = STATISTICS[statistic]
    if (!compute) throw new Error(`the statistic ${statistic} is not known`)
    return found.length === 0 ? undefined : compute(found.map(({ value }) => value))
  }

  async function measure({ Metrics, ...alarm }: Alarm, ago: number): Promise<number | undefined> {
    if (!Metrics) {
      const { Namespace = '', MetricName = '', Dimensions, Statistic = '', Period = 0 } = alarm
      const metric = { Namespace, MetricName, ...(Dimensions && { Dimensions }) }
      return statisticOf(metric, Statistic, Period, ago)
    }
    const inputs = Metrics.flatMap(({ Id, MetricStat }) =>
      MetricStat ? [[Id, statisticOf(MetricStat.Metric, MetricStat.Stat, MetricStat.Period, ago)]] : [],
    )
    const expression = Metrics.find(({ Expression }) => Expression)?.Expression ?? ''
    return evaluate(expression, Object.fromEntries(inputs))
  }

  async function isRaised(alarm: Alarm): Promise<boolean> {
    if (alarm.ComparisonOperator !== 'GreaterThanOrEqualToThreshold' || alarm.TreatMissingData !== 'notBreaching')
      throw new Error('this file evaluates only alarms from a threshold on, where missing data is good')
    const periods = Array.from({ length: alarm.EvaluationPeriods }, (_, ago) => measure(alarm, ago))
    return (await Promise.all(periods)).every(value => value !== undefined && value >= alarm.Threshold)
  }

  /** The value of `Ref` and of `Fn::GetAtt` in the local system. */
  function resolved(value: unknown): string {
    if (typeof value === 'string') return value
    const { Ref, 'Fn::GetAtt': attribute } = value as { Ref?: string; 'Fn::GetAtt'?: [string, string] }
    const id = Ref ?? attribute?.[0] ?? ''
    const { Type, Properties = {} } = template.Resources[id] ?? {}
    if (Type === 'AWS::SQS::Queue') return String(Properties.QueueName)
    return Type === 'AWS::Lambda::Function' ? `${stackName}-${id}` : id
  }

  const idOf = (type: string) => Object.keys(template.Resources).find(id => template.Resources[id]?.Type === type) ?? ''

  return {
    observer: {
      metrics(line) {
        for (const { namespace, name, dimensions, value } of metricsIn(JSON.parse(line)))
          put(namespace, name, dimensions, value)
      },
      invoked({ functionName, ok, throttled }) {
        if (throttled) return put('AWS/Lambda', 'Throttles', { FunctionName: functionName }, 1)
        put('AWS/Lambda', 'Invocations', { FunctionName: functionName }, 1)
        put('AWS/Lambda', 'Errors', { FunctionName: functionName }, ok ? 0 : 1)
      },
      answered(status) {
        const dimensions = { ApiId: idOf('AWS::ApiGatewayV2::Api') }
        put('AWS/ApiGateway', '5xx', dimensions, status >= 500 ? 1 : 0)
        for (const filter of filtersOf(template))
          if (filter.statuses.includes(String(status))) put(filter.namespace, filter.name, {}, 1)
      },
      received: (queue, messages) => put('AWS/SQS', 'NumberOfMessagesReceived', { QueueName: queue }, messages),
    },
    sample(queues) {
      for (const { name, waiting, oldest_sent_at = now() } of queues) {
        put('AWS/SQS', 'ApproximateNumberOfMessagesVisible', { QueueName: name }, waiting)
        put('AWS/SQS', 'ApproximateAgeOfOldestMessage', { QueueName: name }, (now() - oldest_sent_at) / 1_000)
      }
    },
    advance(seconds) {
      passed += seconds * 1_000
    },
    async raised() {
      const alarms = Object.entries(template.Resources).filter(([, { Type }]) => Type === 'AWS::CloudWatch::Alarm')
      const states = await Promise.all(
        alarms.map(async ([id, { Properties }]) => ({ id, isOn: await isRaised(Properties as unknown as Alarm) })),
      )
      return states.filter(({ isOn }) => isOn).map(({ id }) => id)
    },
  }
}

const keyOf = (namespace: string, name: string, dimensions: Dimensions): string =>
  JSON.stringify([namespace, name, Object.entries(dimensions).sort()])

interface EmbeddedMetrics extends Readonly<Record<string, unknown>> {
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string
      readonly Dimensions: readonly (readonly string[])[]
      readonly Metrics: readonly { readonly Name: string }[]
    }[]
  }
}

/** The values that CloudWatch reads from a log line: one per metric, set of dimensions and value. */
function metricsIn(line: EmbeddedMetrics) {
  return line._aws.CloudWatchMetrics.flatMap(({ Namespace, Dimensions, Metrics }) =>
    Dimensions.flatMap(set =>
      Metrics.flatMap(({ Name }) =>
        [line[Name]].flat().map(value => ({
          namespace: Namespace,
          name: Name,
          dimensions: Object.fromEntries(set.map(dimension => [dimension, String(line[dimension])])),
          value: Number(value),
        })),
      ),
    ),
  )
}

/** The metric filters of the access log, each with the statuses that it counts. */
function filtersOf({ Resources }: AlarmedTemplate) {
  return Object.values(Resources)
    .filter(({ Type }) => Type === 'AWS::Logs::MetricFilter')
    .map(({ Properties = {} }) => {
      const [metric] = Properties.MetricTransformations as { MetricName: string; MetricNamespace: string }[]
      const statuses = [...String(Properties.FilterPattern).matchAll(/\$\.status = "(\d+)"/g)].map(
        ([, status]) => status,
      )
      return { name: metric?.MetricName ?? '', namespace: metric?.MetricNamespace ?? '', statuses }
    })
}

/** Evaluates an expression of CloudWatch's metric math as JSONata. Both have the same operators. This file adds the functions MAX, FILL and IF. */
async function evaluate(expression: string, metrics: Readonly<Record<string, number | undefined>>): Promise<number> {
  const compiled = jsonata(
    expression
      .replaceAll(/\b(MAX|FILL|IF)\(/g, '$$$1(')
      .replaceAll(/\bAND\b/g, 'and')
      .replaceAll(/\bOR\b/g, 'or'),
  )
  compiled.registerFunction('MAX', (list: number[]) => Math.max(...list))
  compiled.registerFunction('FILL', (value: number | undefined, missing: number) => value ?? missing)
  compiled.registerFunction('IF', (condition: boolean, yes: number, no: number) => (condition ? yes : no))
  return compiled.evaluate(metrics)
}
