import { unmarshall } from '@aws-sdk/util-dynamodb'
import { isTerminal } from '../../../functions/core/domain/item.ts'
import type { Announcement } from '../../../functions/core/queue/port.ts'
import type { DynamoDbModel } from '../models/dynamodb.ts'
import type { Queues } from '../queues.ts'
import type { Told } from './answers.ts'
import { checkErasures } from './erasure.ts'
import { checkInputs } from './inputs.ts'
import { callsOf, type Known, runOf, type StoredItem } from './known.ts'

/** Checks the end of a history: every request has ended, and all stores agree (I2–I6, I10, I12). */
export function checkRest(known: Known, told: Told, dynamoDb: DynamoDbModel, queues: Queues): void {
  const { violate } = known.world
  for (const { name, messages } of queues.stored.values())
    if (messages.size > 0 && queues.isServed(name)) violate(`I12: ${messages.size} messages are left in ${name}`)
  for (const item of dynamoDb.items('quota')) {
    const open = Object.keys(item.open?.M ?? {})
    if (open.length > 0) violate(`I12: an open reservation is left: ${open[0]}`)
  }
  for (const item of known.items.values()) checkItem(known, item)
  if (queues.backend === 'rabbitmq') checkAnnouncements(known, queues)
  for (const id of known.rdsData.requests.keys()) if (!known.items.has(id)) violate(`I12: a row without an item: ${id}`)
  for (const id of told.accepted.keys()) {
    const status = known.items.get(id)?.status ?? 'gone'
    if (status === 'gone' || status === 'rejected') violate(`I4: ${id} was accepted, and is ${status}`)
  }
  for (const id of told.cancelled)
    if (known.items.get(id)?.status !== 'cancelled') violate(`${id} is ${known.items.get(id)?.status}, not cancelled`)
  checkInputs(known)
  checkErasures(known)
  reconcile(known, dynamoDb)
}

/** Checks that a message about the end of each request was published for other systems (I10). Only RabbitMQ has these announcements. */
function checkAnnouncements({ items, world }: Known, { announced }: Queues): void {
  const told = new Set(announced.map(text => endOf(JSON.parse(text))))
  for (const item of items.values())
    if (item.status !== 'rejected' && !told.has(endOf(item)))
      world.violate(`I10: nobody was told that ${item.request_id} is ${item.status}`)
}

const endOf = ({ request_id, status }: Pick<Announcement, 'request_id' | 'status'>): string => `${request_id} ${status}`

function checkItem(known: Known, item: StoredItem): void {
  const fail = (rule: string) => known.world.violate(`${rule}: ${item.request_id} is ${item.status} in run ${item.run}`)
  if (!isTerminal(item.status)) fail('I12 no end')
  const row = known.rdsData.requests.get(item.request_id)
  if (item.status === 'rejected') {
    if (row && row.status !== 'rejected') fail(`I12 its row says ${row.status}`)
  } else if (!row || row.status !== item.status || row.run !== item.run) {
    fail(`I12 its row says ${row?.status} in run ${row?.run}`)
  } else {
    if ((row.total_tokens ?? undefined) !== item.usage?.total_tokens) fail('I12 its row has another usage')
    if (row.attempts !== item.attempt) fail('I12 its row has other attempts')
  }
  checkRuns(known, item, fail)
}

/** Checks that each failed run has a dead letter, that each run was charged as its item says, and that each request is counted once (I3, I10). */
function checkRuns(known: Known, item: StoredItem, fail: (rule: string) => void): void {
  let requests = 0
  let isCharged = false
  for (let run = 1; run <= item.run; run++) {
    const id = runOf(item.request_id, run)
    const ended = known.ended.get(id)
    const settled = known.settled.get(id)
    if (ended?.status === 'failed' && known.rdsData.deadLetters.get(id)?.reason !== ended.error?.code)
      fail(`I10 run ${run} has failed without a dead letter`)
    if (settled?.tokens !== ended?.charge) fail(`I3 run ${run} is charged ${settled?.tokens}, not ${ended?.charge}`)
    if (
      ended?.charge === undefined &&
      ended?.status !== 'rejected' &&
      callsOf(known, item.request_id, run).some(({ reached, mayBeFree }) => reached && !mayBeFree)
    )
      fail('I3 the model was reached for nothing')
    requests += settled?.requests ?? 0
    isCharged ||= settled !== undefined
  }
  if (requests !== (isCharged ? 1 : 0)) fail(`I3 charged ${requests} requests`)
}

/** Checks that the counters of the quota items equal the sums of the charges in the request items, as `sluice reconcile` does. */
function reconcile({ world, items }: Known, dynamoDb: DynamoDbModel): void {
  const sums = new Map<string, { tokens: number; requests: number }>()
  const add = (user: string, of: { window: string; shard: number }, tokens: number, requests: number) => {
    const pk = `user#${user}#${of.window}${of.shard === 0 ? '' : `#${of.shard}`}`
    const sum = sums.get(pk) ?? { tokens: 0, requests: 0 }
    sums.set(pk, { tokens: sum.tokens + tokens, requests: sum.requests + requests })
  }
  for (const item of items.values()) {
    if (item.charge !== undefined) add(item.user_id, item, item.charge, item.holds_request ? 1 : 0)
    for (const run of item.earlier ?? []) add(item.user_id, run, run.tokens, run.request ? 1 : 0)
  }
  for (const stored of dynamoDb.items('quota')) {
    const { pk, tokens, requests } = unmarshall(stored)
    const sum = sums.get(pk) ?? { tokens: 0, requests: 0 }
    if (sum.tokens !== tokens || sum.requests !== requests)
      world.violate(`I12: ${pk} has ${requests} requests, ${tokens} tokens, its items ${sum.requests}, ${sum.tokens}`)
  }
}
