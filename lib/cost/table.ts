import { GIVES_WAY_ABOVE } from '../../functions/core/domain/gives-way.ts'
import { parsePipeline } from '../config/load.ts'
import { RabbitMq } from '../config/queue-schema.ts'
import type { Pipeline } from '../config/schema.ts'
import { BURSTS_PER_MONTH } from './assumptions.ts'
import { type Bill, billOf } from './bill.ts'
import { inventoryOf } from './inventory.ts'
import { sumOf } from './item.ts'
import { loadOf, SPREADS, type Traffic } from './load.ts'
import { moverItems } from './mover.ts'
import { PRICES_AS_OF, PRICES_REGION } from './prices.ts'
import { templateOf } from './synthesize.ts'

const BEGIN = '<!-- The costs: written by `npm run generate`. -->'
const END = '<!-- The end of the costs. -->'

const MILLION: Traffic = { requests: 1e6, modelSeconds: 2, open: 1, spread: 'even' }
/** The number of open requests per user in the most expensive example. Many open requests make the quota item large, and its writes dear. */
const MANY_OPEN = 100
const MODELS = 10

/** Returns the text with a new table of costs between the comments BEGIN and END of the text. Throws if a comment is missing. */
export function withCosts(text: string, pipelineFile: string): string {
  const [before, rest] = splitAt(text, BEGIN)
  const [, after] = splitAt(rest, END)
  return `${before}${BEGIN}\n\n${costs(pipelineFile)}\n${END}${after}`
}

function splitAt(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark)
  if (at === -1) throw new Error(`the text has no ${mark}`)
  return [text.slice(0, at), text.slice(at + mark.length)]
}

/** Makes the table with the bills of a pipeline with one model, and with ten such models. */
function costs(pipelineFile: string): string {
  const one = parsePipeline(pipelineFile, {}, 'pipeline.yaml')
  const ten = withModels(one, MODELS)
  const templates = { one: templateOf(one), ten: templateOf(ten) }
  const bills = {
    one: billOf(one, templates.one, MILLION),
    ten: billOf(ten, templates.ten, MILLION),
    bursts: billOf(one, templates.one, { ...MILLION, spread: 'bursts' }),
    manyOpen: billOf(one, templates.one, { ...MILLION, open: MANY_OPEN }),
  }
  const more = bills.manyOpen.traffic_usd - bills.one.traffic_usd
  return [
    `List prices of ${PRICES_REGION} of ${PRICES_AS_OF}, in dollars per month. "idle" is a deployment without traffic. "even" is a million requests that come at the same pace all the time. "bursts" is a million requests that come together in ${BURSTS_PER_MONTH} parts of the month.`,
    '',
    ...table(bills),
    '',
    perMillion(bills),
    '',
    `A user with ${MANY_OPEN} open requests has a quota item of several KB, and each admission writes the whole item. So a million requests of users with ${MANY_OPEN} open requests cost $${more.toFixed(2)} more.`,
    '',
    'With RabbitMQ, the broker and the VPC cost money even without traffic ([docs/queues.md](docs/queues.md)). These are the bills of the pipeline with one model, for each backend:',
    '',
    ...backends(one, bills.one),
    '',
    moves(one),
    '',
  ].join('\n')
}

/** The brokers that the table of backends shows, each with its settings in `queue.rabbitmq`. */
const BROKERS: Readonly<Record<string, unknown>> = {
  'RabbitMQ, one `mq.m7g.medium`, endpoints': { egress: 'endpoints' },
  'RabbitMQ, one `mq.m7g.medium`, NAT gateway': {},
  'RabbitMQ, one `mq.m7g.large`, NAT gateway': { instance: 'mq.m7g.large' },
  'RabbitMQ, three `mq.m7g.large` in a cluster, NAT gateway': { instance: 'mq.m7g.large', deployment: 'cluster' },
}

/** Makes the paragraph about bulk queues. It says what it costs to move a million requests of users with many open requests out of bulk queues. */
function moves(pipeline: Pipeline): string {
  const of = withBroker(pipeline, {})
  const template = templateOf(of)
  const inventory = inventoryOf(template)
  const [even = '', bursts = ''] = SPREADS.map(spread => {
    const traffic = { ...MILLION, open: MANY_OPEN, spread }
    return cents(sumOf(moverItems(of, inventory, loadOf(of, inventory, traffic), traffic)))
  })
  return `With RabbitMQ, requests of users with more than ${GIVES_WAY_ABOVE} open requests pass a bulk queue. A function moves them to the worker's queue. For a million such requests, this costs $${even} if they are spread evenly, and $${bursts} in bursts, in which the function waits with them.`
}

const withBroker = (pipeline: Pipeline, settings: unknown): Pipeline => ({
  ...pipeline,
  queue: { ...pipeline.queue, backend: 'rabbitmq', rabbitmq: RabbitMq.parse(settings) },
})

/** Makes the rows with the bills of a pipeline with each backend. */
function backends(pipeline: Pipeline, sqs: Bill): string[] {
  const bills = Object.entries(BROKERS).map(([name, settings]): [string, Bill] => {
    const of = withBroker(pipeline, settings)
    return [name, billOf(of, templateOf(of), MILLION)]
  })
  return [
    '| backend | idle | 1 M requests |',
    '| --- | ---: | ---: |',
    ...[['SQS', sqs] as const, ...bills].map(
      ([name, { always_usd, total_usd }]) => `| ${name} | ${cents(always_usd)} | ${cents(total_usd)} |`,
    ),
  ]
}

/** Returns the pipeline with `count` copies of its first model. */
function withModels(pipeline: Pipeline, count: number): Pipeline {
  const [[name, model] = []] = Object.entries(pipeline.models)
  if (name === undefined || model === undefined) throw new Error('the pipeline has no model')
  const copies = Array.from({ length: count }, (_, i) => [i === 0 ? name : `${name}-${i + 1}`, model] as const)
  return { ...pipeline, models: Object.fromEntries(copies) }
}

interface Bills {
  readonly one: Bill
  readonly bursts: Bill
  readonly ten: Bill
}

function table({ one, bursts, ten }: Bills): string[] {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const always = one.always.map(({ service, what, usd }, i) => {
    const [a, b] = [cents(usd), cents(ten.always[i]?.usd)]
    return row([service, what, a, a, a, b, b])
  })
  const traffic = one.traffic.map(({ service, what, usd }, i) =>
    row([service, what, '', cents(usd), cents(bursts.traffic[i]?.usd), '', cents(ten.traffic[i]?.usd)]),
  )
  const sums = [one.always_usd, one.total_usd, bursts.total_usd, ten.always_usd, ten.total_usd]
  return [
    row(['service', 'item', '1 model, idle', '1 model, even', '1 model, bursts', '10 models, idle', '10 models, even']),
    row(['---', '---', '---:', '---:', '---:', '---:', '---:']),
    ...[...always, ...traffic].filter(isMoreThanNothing),
    row(['**all**', '', ...sums.map(usd => `**${cents(usd)}**`)]),
  ]
}

/**
 * Makes the paragraph about the additional cost of a million requests. The cost does not include the capacity of the
 * database, because AWS bills the capacity by time, and not by request.
 */
function perMillion({ one, bursts }: Bills): string {
  const [even, together] = [one, bursts].map(({ traffic, traffic_usd }) => {
    const capacity = traffic.find(({ service, what }) => service === 'Aurora' && what === 'capacity')
    return cents(traffic_usd - (capacity?.usd ?? 0))
  })
  return `A million completed requests add $${even} if they are spread evenly, and $${together} in bursts. The rest of the bill is the idle deployment and the capacity of the database. AWS bills this capacity by the time in which the database is awake.`
}

/** Returns whether a row has a cost of at least one cent. */
const isMoreThanNothing = (row: string): boolean => /[1-9]/.test(row.split('|').slice(3).join())

const cents = (usd = 0): string => usd.toFixed(2)
