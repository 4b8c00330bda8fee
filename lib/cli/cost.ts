import { ConfigError } from '../config/finding.ts'
import type { Environment } from '../config/interpolate.ts'
import { loadPipeline } from '../config/load.ts'
import type { Pipeline } from '../config/schema.ts'
import { type Bill, billOf } from '../cost/bill.ts'
import type { Item } from '../cost/item.ts'
import type { Traffic } from '../cost/load.ts'
import { PRICES_AS_OF, PRICES_REGION } from '../cost/prices.ts'
import { templateOf } from '../cost/synthesize.ts'
import type { Answer } from './answer.ts'
import { columns } from './columns.ts'

/**
 * Runs `sluice cost [FILE]`: computes the bill of a pipeline file. It refuses a file with mistakes, as `config check`
 * does.
 */
export function costOf(file: string, env: Environment, traffic: Traffic): Answer {
  try {
    return answer(file, loadPipeline(file, env), traffic)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { json: { ok: false, problems: error.problems }, lines: [], refusals: error.message.split('\n') }
  }
}

function answer(file: string, pipeline: Pipeline, { requests, modelSeconds, open, spread }: Traffic): Answer {
  const bill = billOf(pipeline, templateOf(pipeline), { requests, modelSeconds, open, spread })
  const { always, traffic, ...sums } = bill
  const items = [
    ...always.map(item => ({ ...item, when: 'always' })),
    ...traffic.map(item => ({ ...item, when: 'with requests' })),
  ]
  const models = Object.keys(pipeline.models)
  const of = { name: pipeline.name, models, requests, model_seconds: modelSeconds, open, spread }
  const prices = { region: PRICES_REGION, as_of: PRICES_AS_OF, currency: 'USD' }
  return { json: { ...of, prices, items, ...sums }, lines: linesOf(file, bill, requests, modelSeconds) }
}

function linesOf(file: string, bill: Bill, requests: number, modelSeconds: number): string[] {
  const { always, traffic, notes } = bill
  const heading = ['service', 'item', 'quantity', 'unit', 'USD']
  const rows = (items: readonly Item[], sum: string, usd: number) => [
    ...items.map(({ service, what, quantity, unit, usd }) => [service, what, amount(quantity), unit, dollars(usd)]),
    ['', sum, '', '', dollars(usd)],
  ]
  const count = requests.toLocaleString('en-US')
  const all = [
    ...rows(always, 'without traffic', bill.always_usd),
    ...rows(traffic, `${count} requests`, bill.traffic_usd),
    ['', 'together', '', '', dollars(bill.total_usd)],
  ]
  return [
    `A month of ${file} with ${count} requests and ${modelSeconds} s per call to a model.`,
    `List prices of ${PRICES_REGION} of ${PRICES_AS_OF}.`,
    '',
    ...columns(heading, all),
    '',
    ...notes,
  ]
}

const dollars = (usd: number): string => usd.toFixed(2).padStart(8)

const amount = (quantity: number): string =>
  quantity.toLocaleString('en-US', { maximumFractionDigits: quantity < 100 ? 2 : 0 }).padStart(12)
