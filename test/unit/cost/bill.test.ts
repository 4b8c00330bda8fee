import { describe, expect, it } from 'vitest'
import { type Bill, billOf } from '../../../lib/cost/bill.ts'
import { inventoryOf, type Template } from '../../../lib/cost/inventory.ts'
import type { Item } from '../../../lib/cost/item.ts'
import type { Traffic } from '../../../lib/cost/load.ts'
import { PRICES } from '../../../lib/cost/prices.ts'
import { pipelineWith } from './pipeline.ts'

const functionOf = (service: string, memory = 512, environments = 0) => ({
  Type: 'AWS::Lambda::Function',
  Properties: {
    MemorySize: memory,
    ...(environments > 0 && { FunctionScalingConfig: { MinExecutionEnvironments: environments } }),
    Environment: { Variables: { DEPLOYMENT: 'sluice', POWERTOOLS_SERVICE_NAME: `sluice-${service}` } },
  },
})
const queue = (name: string) => ({ Type: 'AWS::SQS::Queue', Properties: { QueueName: `sluice-${name}` } })
const mapping = (queueId: string, functionId: string, batchSize: number, windowSeconds = 0) => ({
  Type: 'AWS::Lambda::EventSourceMapping',
  Properties: {
    BatchSize: batchSize,
    ...(windowSeconds > 0 && { MaximumBatchingWindowInSeconds: windowSeconds }),
    ScalingConfig: { MaximumConcurrency: 5 },
    EventSourceArn: { 'Fn::GetAtt': [queueId, 'Arn'] },
    FunctionName: { Ref: functionId },
  },
})

/** A stack that is small enough to compute its bill by hand. */
const templateWith = ({ batch = 2, window = 0, environments = 0 } = {}): Template => ({
  Resources: {
    Plain: { Type: 'AWS::CloudWatch::Alarm', Properties: { MetricName: 'Errors' } },
    Formula: {
      Type: 'AWS::CloudWatch::Alarm',
      Properties: { Metrics: [{ Expression: 'a + b' }, { MetricStat: {} }, { MetricStat: {} }] },
    },
    Dashboard: { Type: 'AWS::CloudWatch::Dashboard', Properties: {} },
    Cluster: { Type: 'AWS::RDS::DBCluster', Properties: { ManageMasterUserPassword: true } },
    Secret: { Type: 'AWS::SecretsManager::Secret', Properties: {} },
    Worker: functionOf('worker-text', 1_024, environments),
    Collector: functionOf('collector'),
    Sweeper: functionOf('sweeper'),
    High: queue('inference-text-high'),
    Normal: queue('inference-text-normal'),
    Results: queue('results'),
    HighMapping: mapping('High', 'Worker', batch, window),
    NormalMapping: mapping('Normal', 'Worker', batch, window),
    ResultsMapping: mapping('Results', 'Collector', 10),
  },
})

const MONTH: Traffic = { requests: 1e6, modelSeconds: 2, open: 1, spread: 'even' }
const bill = (traffic: Partial<Traffic> = {}, pipeline = pipelineWith(), template = templateWith()): Bill =>
  billOf(pipeline, template, { ...MONTH, ...traffic })
const named = (items: readonly Item[], what: string): Item => {
  const found = items.find(one => one.what === what)
  if (!found) throw new Error(`the bill has no ${what}`)
  return found
}

describe('the inventory of a template', () => {
  it('the inventory counts each metric that an alarm reads, each secret, and the secret of the cluster', () => {
    expect(inventoryOf(templateWith())).toMatchObject({
      alarmMetrics: 3,
      dashboards: 1,
      secrets: 2,
      memory: { 'worker-text': 1_024, collector: 512, sweeper: 512 },
      mappings: [
        { queue: 'sluice-inference-text-high' },
        { queue: 'sluice-inference-text-normal' },
        { maxConcurrency: 5 },
      ],
    })
  })
})

describe('the bill of a deployment without traffic', () => {
  it('the bill of a deployment without traffic has costs for alarms, the dashboard, secrets, and the polling of its queues, but for no metric', () => {
    const { always, traffic_usd, total_usd, always_usd } = bill({ requests: 0 })

    expect(named(always, 'alarms').usd).toBeCloseTo(0.3)
    expect(named(always, 'dashboard').usd).toBe(3)
    expect(always.filter(({ unit, usd }) => unit === 'metric' && usd > 0)).toEqual([])
    expect(named(always, 'secrets of the database').usd).toBe(0.8)
    // Three queues have five pollers each, and each poller makes a call per 20 s.
    expect(named(always, 'polling of idle queues').quantity).toBe((3 * 5 * 730 * 3_600) / 20)
    expect(traffic_usd).toBe(0)
    expect(total_usd).toBe(always_usd)
  })

  it('the bill of a deployment without traffic also has the cost of a database that resumes once a day, if the retention deletes old rows', () => {
    const { always } = bill({ requests: 0 }, pipelineWith('', 'observability: { retention: { ledger: 90d } }'))

    expect(named(always, 'capacity for the deletion of old rows').quantity).toBeCloseTo((730 / 24) * 0.5 * 0.5)
  })
})

describe('the bill of a deployment with managed instances', () => {
  const Network = 'network: { vpc: vpc-1, availability_zones: [a], subnets: [subnet-1] }'
  const managed = (environments: number) =>
    bill({}, pipelineWith('', `${Network}\nmanaged_instances: {}`), templateWith({ environments }))

  it.each([
    [1, 3],
    [4, 4],
  ])('has the instances for %i environments, with the fee of Lambda: %i instances', (environments, instances) => {
    const { always } = managed(environments)

    expect(named(always, 'managed instances').usd).toBeCloseTo(instances * 730 * 0.0816)
    expect(named(always, 'management of the instances').usd).toBeCloseTo(instances * 730 * 0.0816 * 0.15)
  })

  it('has no time of workers, and starts only of environments of other functions', () => {
    const { traffic, notes } = managed(3)

    expect(traffic.filter(({ what }) => what === 'workers: time')).toEqual([])
    expect(named(traffic, 'starts of environments').quantity).toBeCloseTo((1e6 * 0.006 * 512) / 1_024)
    expect(notes.join(' ')).toContain('AWS chooses the managed instances.')
  })

  it('is the same as without managed instances otherwise', () => {
    const without = ({ traffic }: Bill) => traffic.filter(({ what }) => !/^(workers: time|starts of)/.test(what))

    expect(without(managed(3))).toEqual(without(bill()))
  })
})

describe('the bill of a deployment with a NAT gateway', () => {
  const template = {
    Resources: { ...templateWith().Resources, Gateway: { Type: 'AWS::EC2::NatGateway', Properties: {} } },
  }
  const passed = (requests: number) =>
    named(bill({ requests }, pipelineWith(), template).traffic, 'data through the NAT gateway')

  it('has the data of requests that passes the gateway: 11 KB per request', () => {
    expect(passed(1e6)).toMatchObject({ quantity: 11, unit: 'GB' })
  })

  it('has no data for log lines without requests, because Lambda sends the lines outside of the VPC', () => {
    expect(passed(0).quantity).toBe(0)
  })
})

describe('the bill of a million requests per month', () => {
  it('the bill has the price of each call that the benchmark counts for a request', () => {
    const { traffic } = bill()

    expect(named(traffic, 'a POST and two GETs per request').usd).toBeCloseTo(3)
    // The request item is written three times: at the admission, by the worker that runs the request (claim), and with the
    // outcome (decide). The quota item is written twice: for the reservation and for its settlement.
    expect(named(traffic, 'writes of request items').usd).toBeCloseTo(3 * 0.625)
    expect(named(traffic, 'writes of quota items').usd).toBeCloseTo(2 * 0.625)
    // Two messages are sent, received and deleted. All have a group, so their queues are fair queues.
    expect(named(traffic, 'messages: sent, received, deleted').usd).toBeCloseTo(6 * 0.4)
    expect(named(traffic, 'the same calls, for fair queues').usd).toBeCloseTo(6 * 0.1)
    expect(named(traffic, 'Data API').usd).toBeCloseTo(2 * 0.35)
    expect(named(traffic, 'workers: time').quantity).toBeCloseTo(1e6 * 2.06)
    // A custom metric costs $0.30 per month: one of the gateway, one of the collector, and two of the model.
    expect(named(traffic, 'custom metrics of requests').usd).toBeCloseTo(4 * 0.3)
    // One of a hundred invocations starts a new environment for 0.6 s: of the worker (1,024 MB) or the collector (512 MB).
    expect(named(traffic, 'starts of environments').quantity).toBeCloseTo(
      (1e6 * 0.006 * 1_024 + 1e6 * 0.006 * 512) / 1_024,
    )
  })

  it('the bill is the sum of its items', () => {
    const { always, traffic, total_usd } = bill()

    for (const { quantity, unit_usd, usd } of [...always, ...traffic]) expect(usd).toBe(quantity * unit_usd)
    expect(total_usd).toBeCloseTo([...always, ...traffic].reduce((sum, { usd }) => sum + usd, 0))
  })

  it('the bill has the capacity of a database that runs all month, but for ten requests the database pauses most of the time', () => {
    expect(named(bill().traffic, 'capacity').quantity).toBe(730 * 0.5)
    expect(named(bill({ requests: 10 }).traffic, 'capacity').quantity).toBe(10 * 0.5 * 0.5)
  })

  it('the bill has the cost of metrics only for the hours with requests', () => {
    expect(named(bill({ requests: 73 }).traffic, 'custom metrics of requests').quantity).toBeCloseTo(0.4)
  })

  it('the bill has more write units per request if the quota item is larger, because its user has many open reservations', () => {
    const writes = (open: number) => named(bill({ open }).traffic, 'writes of quota items').quantity

    expect(writes(100)).toBe(7 * writes(1))
  })

  it('the bill has the reads and writes of the rate limit if the model has one', () => {
    const limited = bill({}, pipelineWith('rate_limit: { count: 100, interval: 1s }'))

    expect(named(limited.traffic, 'writes of rate limits').quantity).toBe(1e6)
    expect(named(limited.traffic, 'reads').quantity).toBe(named(bill().traffic, 'reads').quantity + 1e6)
  })

  it('the bill has one invocation per batch if a batch becomes full during its window', () => {
    const batched = bill(
      {},
      pipelineWith('batch: { count: 10, period: 60s, url: "https://text.example.com/b" }'),
      templateWith({ batch: 10, window: 60 }),
    )
    // 0.38 requests per second fill a batch of ten in less than 60 seconds.
    expect(named(batched.traffic, 'workers: time').quantity).toBeCloseTo(1e5 * 2.06)
    // Per batch of ten, there are two sends, a receive and a delete. Per request, the gateway sends one message, and the
    // outcome event is received and deleted alone.
    expect(named(batched.traffic, 'messages: sent, received, deleted').quantity).toBeCloseTo(3.4e6)
  })

  it('the bill has fewer invocations than requests if the concurrency is used up, since an invocation then takes several requests', () => {
    const busy = bill({ requests: 12e6 })
    // 12 million calls of 2 s are 9.1 simultaneous calls, in 5 invocations of up to 2 calls.
    expect(named(busy.traffic, 'workers: time').quantity).toBeLessThan(7e6 * 2.06)
  })
})

describe('the bill of a million requests per month in 30 bursts', () => {
  // Five invocations of two calls each make 10 calls in 2.06 s.
  const busyHours = (1e6 * 2.06) / 10 / 3_600
  const { traffic } = bill({ spread: 'bursts' })

  it('the bill of bursts has full invocations of the worker, with two requests each', () => {
    expect(named(traffic, 'workers: time').quantity).toBeCloseTo(0.5e6 * 2.06)
  })

  it('the bill of bursts has the database and the metrics only for the hours with requests, and the database for half an hour after each burst', () => {
    expect(named(traffic, 'capacity').quantity).toBeCloseTo((busyHours + 30 * 0.5) * 0.5)
    expect(named(traffic, 'custom metrics of requests').quantity).toBeCloseTo((4 * (busyHours + 30)) / 730)
  })

  it('in the bill, bursts last at least as long as the rate limit needs for all requests', () => {
    const limited = bill({ spread: 'bursts' }, pipelineWith('rate_limit: { count: 1, interval: 1s }'))

    // With one call per second, the requests take 278 hours. Each invocation has one request.
    expect(named(limited.traffic, 'capacity').quantity).toBeCloseTo((1e6 / 3_600 + 15) * 0.5)
    expect(named(limited.traffic, 'workers: time').quantity).toBeCloseTo(1e6 * 2.06)
  })

  it('the bill has the sweeper’s reads of requests that wait longer than two minutes, and its `accepted` events', () => {
    // A burst takes 6,867 s, and its requests wait between 0 s and this time. The sweeper reads a waiting request every two
    // minutes, from the second minute on. Such a read is eventually consistent, and takes half a read unit.
    const burst = (busyHours * 3_600) / 30
    const looks = 1e6 * ((burst - 120) ** 2 / 240 / burst)
    expect(named(traffic, 'reads of requests that wait for minutes').quantity / (looks / 2)).toBeCloseTo(1, 2)
    // During the three minutes after the second minute, each sweep sends an `accepted` event for the request. With a sweep
    // every two minutes, these are one and a half events on average. Ten events share a send, a receive and a delete.
    const announced = 1e6 * 1.5 * ((burst - 210) / burst)
    // For each request, two messages are sent. They are received and deleted two at a time by the worker, and one at a time
    // by the collector.
    const messages = 2e6 + 2 * (0.5e6 + 1e6)
    const sqs = named(traffic, 'messages: sent, received, deleted').quantity - messages
    expect(sqs / (announced * 0.3)).toBeCloseTo(1, 2)
    expect(named(traffic, 'I/O').quantity / (2 * (1e6 + announced))).toBeCloseTo(1, 2)
  })

  it('the bill has no reads of the sweeper if no request is open for two minutes: in short bursts, or with evenly spread requests whose calls are short', () => {
    const looks = (of: Partial<Traffic>) => named(bill(of).traffic, 'reads of requests that wait for minutes').quantity

    expect(looks({ requests: 10_000, spread: 'bursts' })).toBe(0)
    expect(looks({ spread: 'even' })).toBe(0)
    expect(looks({ spread: 'even', modelSeconds: 300 })).toBeCloseTo((1e6 * 180) / 120 / 2, -4)
  })

  it.each([0, 10])(
    'the bill of bursts is not higher than the bill of evenly spread requests, for %i requests, too',
    requests => {
      expect(bill({ requests, spread: 'bursts' }).total_usd).toBeLessThanOrEqual(bill({ requests }).total_usd)
    },
  )
})

describe('the notes of a bill', () => {
  it.each([
    { fields: '', requests: 14e6, most: '12,757,282' },
    { fields: 'rate_limit: { count: 1, interval: 10s }', requests: 1e6, most: '262,800' },
  ])(
    'the notes of a bill report that a model can’t run $requests requests with "$fields"',
    ({ fields, requests, most }) => {
      const { notes } = bill({ requests }, pipelineWith(fields))

      expect(notes[0]).toBe(
        `text can't run ${requests.toLocaleString('en-US')} requests in a month: its concurrency, batch and rate_limit allow ${most}.`,
      )
    },
  )

  it('the notes of a bill have no such report if the model can run the requests', () => {
    expect(bill().notes.join()).not.toContain("can't run")
  })
})

it('each price of the bill is above zero and names a page of AWS as its source', () => {
  for (const { usd, source } of Object.values(PRICES)) {
    expect(usd).toBeGreaterThan(0)
    expect(source).toMatch(/^https:\/\/aws\.amazon\.com\//)
  }
})
