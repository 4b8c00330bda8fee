import { rabbitMqOf } from '../config/queue-schema.ts'
import type { Pipeline } from '../config/schema.ts'
import { alwaysItems } from './always.ts'
import { BURSTS_PER_MONTH, LEAST_INSTANCES } from './assumptions.ts'
import { brokerItems, passedItems } from './broker.ts'
import { inventoryOf, type Template } from './inventory.ts'
import { type Item, sumOf } from './item.ts'
import { type Load, loadOf, type Spread, type Traffic } from './load.ts'
import { troubleMetrics } from './metrics.ts'
import { moverItems } from './mover.ts'
import { trafficItems } from './traffic.ts'

/** The monthly bill of a deployment. */
export interface Bill {
  /** The cost without traffic. */
  readonly always: readonly Item[]
  /** The additional cost of the requests. */
  readonly traffic: readonly Item[]
  readonly always_usd: number
  readonly traffic_usd: number
  readonly total_usd: number
  /** Sentences about the assumptions of the bill, about costs that it leaves out, and about traffic that a model's limits do not allow. */
  readonly notes: readonly string[]
}

/** Computes the bill of a pipeline whose stack has this template. */
export function billOf(pipeline: Pipeline, template: Template, traffic: Traffic): Bill {
  const inventory = inventoryOf(template)
  const load = loadOf(pipeline, inventory, traffic)
  const always = [...alwaysItems(pipeline, inventory), ...brokerItems(template)]
  const items = [
    ...trafficItems(pipeline, inventory, load, traffic),
    ...moverItems(pipeline, inventory, load, traffic),
    ...passedItems(template, traffic.requests),
  ]
  const [alwaysUsd, trafficUsd] = [sumOf(always), sumOf(items)]
  return {
    always,
    traffic: items,
    always_usd: alwaysUsd,
    traffic_usd: trafficUsd,
    total_usd: alwaysUsd + trafficUsd,
    notes: [
      ...tooMany(load),
      ...notes(Object.keys(pipeline.models).length, traffic),
      ...notesOfBroker(pipeline),
      ...notesOfInstances(pipeline),
    ],
  }
}

const notesOfBroker = ({ queue }: Pipeline): string[] =>
  rabbitMqOf(queue) ? ['The price of a broker is computed from that of mq.m7g.large, by the number of cores.'] : []

const notesOfInstances = ({ managed_instances }: Pipeline): string[] =>
  managed_instances
    ? [
        `AWS chooses the managed instances. The bill has one m7g.large per environment, at least ${LEAST_INSTANCES}, all month. Their disks, and instances that AWS adds if the workers use much CPU or most of their places, are left out.`,
      ]
    : []

/** Makes a sentence for each model that can't run its requests in a month, because its own limits are too low. */
const tooMany = ({ models }: Load): string[] =>
  models
    .filter(({ requests, mostRequests }) => requests > mostRequests)
    .map(({ model, requests, mostRequests }) => {
      const [wanted, possible] = [requests, mostRequests].map(number => Math.round(number).toLocaleString('en-US'))
      return `${model} can't run ${wanted} requests in a month: its concurrency, batch and rate_limit allow ${possible}.`
    })

const SPREAD_NOTES: Readonly<Record<Spread, string>> = {
  even: 'The requests are spread evenly over the month and over the models: no invocation is shared, and the database never pauses. `--spread bursts` shows the opposite.',
  bursts: `The requests come in ${BURSTS_PER_MONTH} bursts per month, and wait for their workers: all invocations are full, and the database pauses in between. The sweeper reads each request that waits, every two minutes. So long bursts are dearer than short ones. \`--spread even\` shows the opposite.`,
}

function notes(models: number, { spread }: Traffic): string[] {
  return [
    SPREAD_NOTES[spread],
    'Prompt and result have 2 KB each, and every request ends well. Bodies over 48 KiB also cost calls to S3.',
    `Failures, refusals and deferrals add up to ${troubleMetrics(models)} custom metrics, in the months that have them.`,
    'The Data API reads the secret of its user from Secrets Manager, which bills 0.05 USD per 10,000 reads. AWS does not say how often it reads, so this is left out.',
    "AWS's free tiers, taxes and the models themselves are left out. No account has confirmed these numbers.",
  ]
}
