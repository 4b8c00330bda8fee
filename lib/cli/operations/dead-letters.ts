import type { RequestItem } from '../../../functions/core/domain/item.ts'
import { limitsOf } from '../../../functions/core/domain/limits.ts'
import type { InferenceMessage } from '../../../functions/core/domain/messages.ts'
import { planOf } from '../../../functions/core/domain/quota-settings.ts'
import { type Redriven, redriveRequest } from '../../../functions/core/lifecycle/redrive-request.ts'
import { isFailedCall } from '../../../functions/core/platform/unavailable.ts'
import { queueName } from '../../../functions/core/queue/names.ts'
import type { RecordedDeadLetter } from '../../../functions/core/stores/ledger/dead-letters.ts'
import type { Admin } from '../admin.ts'
import { Refusal } from '../refusal.ts'
import { messageOf } from './dead-letter-message.ts'
import { redriveInput, refusedInputOf } from './redrive-input.ts'
import { existingUser } from './users.ts'

/** Returns an operator's name of a dead letter: the id of its request, or its own id if it has no request. */
export const nameOf = ({ request_id, id }: RecordedDeadLetter): string => request_id ?? id

/** The choice of dead letters by model, by name, or by both. All dead letters are chosen only with `all`. */
export interface Choice {
  readonly model?: string | undefined
  readonly names?: readonly string[]
  readonly all?: boolean | undefined
}

/** The new run of a request, or the input queue to which a refused message was sent again. */
export type RedrivenLetter =
  | { readonly request_id: string; readonly run: number }
  | { readonly id: string; readonly queue: string }

/** The outcome of a redrive, for each dead letter that was chosen. */
export interface Redrives {
  readonly redriven: readonly RedrivenLetter[]
  readonly refused: readonly Refused[]
}

export interface Discards {
  readonly discarded: readonly string[]
  readonly refused: readonly Refused[]
}

/** A dead letter that was not changed, and a sentence with the reason. */
export interface Refused {
  readonly id: string
  readonly reason: string
}

type LetterPorts = Pick<Admin, 'deadLetters'>

/** The number of rows that one statement reads. More rows might exceed the Data API's limit of 1 MiB per answer. */
const PAGE = 500

/** Lists dead letters, oldest first. Rejects with `Unavailable` if the service can't be reached. */
export async function listDeadLetters({ deadLetters }: LetterPorts, model?: string): Promise<RecordedDeadLetter[]> {
  const letters: RecordedDeadLetter[] = []
  for (let after: string | undefined; ; after = letters.at(-1)?.id) {
    const page = await deadLetters.list({ model, after, limit: PAGE })
    letters.push(...page)
    if (page.length < PAGE) return letters.toSorted((a, b) => a.at - b.at)
  }
}

/**
 * A dead letter with its stored message: the message of a request, or a message that an input refused, with its answer.
 */
export interface DeadLetterDetails extends RecordedDeadLetter {
  /**
   * The reason why the run failed, with the model's own words. Absent if the request's row no longer exists, or is of
   * another run.
   */
  readonly error: RequestItem['error'] | undefined
  readonly message: unknown
}

/**
 * Shows the newest dead letter of a request, or the dead letter with this id. Throws `Refusal` if there is none, and `Unavailable` if a
 * service can't be reached.
 */
export async function showDeadLetter(
  { deadLetters, ledger }: LetterPorts & Pick<Admin, 'ledger'>,
  name: string,
): Promise<DeadLetterDetails> {
  const letters = await deadLetters.list({ of: name, limit: PAGE })
  const newest = letters.toSorted((a, b) => a.at - b.at).at(-1)
  if (!newest) throw new Refusal(`${name}: ${noLetter(undefined)}`)
  const row = newest.request_id === null ? undefined : await ledger.show(newest.request_id)
  const isOfThisRun = row !== undefined && newest.id === `${row.request_id}:${row.run}`
  const error = (isOfThisRun && row.error) || undefined
  return { ...newest, error, message: await deadLetters.message(newest.id) }
}

/**
 * The number of redrives that run at the same time. Each redrive is a few calls, and there may be thousands of redrives
 * after an outage.
 */
const AT_ONCE = 10

/**
 * Runs the requests of dead letters once more and sends refused messages of inputs again. If a request or message is
 * queued again, its dead letter is removed, and `told` is called. A dead letter that can't be redriven does not stop
 * the others. Throws `Refusal` for a model that never existed, and `Unavailable` if the list can't be read.
 */
export async function redriveDeadLetters(
  ports: Admin,
  choice: Choice,
  told: (redriven: RedrivenLetter) => void = () => {},
): Promise<Redrives> {
  const { found, missing } = await choose(ports, choice)
  if (found.size === 0) checkModel(ports, choice)
  const redriven: RedrivenLetter[] = []
  const refused = [...missing]
  const redriveOne = async ([name, letters]: [string, RecordedDeadLetter[]]): Promise<void> =>
    orRefused(refused, name, async () => {
      const letter = await redrive(ports, name, letters)
      redriven.push(letter)
      told(letter)
    })
  const all = [...found]
  for (let i = 0; i < all.length; i += AT_ONCE) await Promise.all(all.slice(i, i + AT_ONCE).map(redriveOne))
  return { redriven, refused }
}

/**
 * Removes dead letters. Their requests stay failed. A missing dead letter does not stop the others. Rejects with `Unavailable` if the
 * service can't be reached.
 */
export async function discardDeadLetters(ports: LetterPorts, names: readonly string[]): Promise<Discards> {
  const { found, missing } = await choose(ports, { names })
  const discarded: string[] = []
  const refused = [...missing]
  for (const [name, letters] of found)
    await orRefused(refused, name, async () => {
      await ports.deadLetters.remove(letters.map(({ id }) => id))
      discarded.push(name)
    })
  return { discarded, refused }
}

/** Finds the chosen dead letters, by name. A request that was redriven and failed again may have several dead letters. */
async function choose(
  ports: LetterPorts,
  { model, names = [], all = false }: Choice,
): Promise<{ found: Map<string, RecordedDeadLetter[]>; missing: Refused[] }> {
  if (names.length === 0 && model === undefined && !all)
    throw new Refusal('no dead letter is chosen: name some, or a model, or say that all are meant')
  if (names.length === 0) return { found: Map.groupBy(await listDeadLetters(ports, model), nameOf), missing: [] }
  const found = new Map<string, RecordedDeadLetter[]>()
  const missing: Refused[] = []
  for (const name of new Set(names)) {
    const letters = await ports.deadLetters.list({ of: name, model, limit: PAGE })
    if (letters.length > 0) found.set(letters.map(nameOf)[0] ?? name, letters)
    else missing.push({ id: name, reason: noLetter(model) })
  }
  return { found, missing }
}

/**
 * Refuses a model that is not in pipeline.yaml. A removed model is accepted if it has dead letters, because dead letters
 * are kept after their model is removed.
 */
function checkModel({ models }: Admin, { model, names = [] }: Choice): void {
  if (model !== undefined && names.length === 0 && !Object.hasOwn(models, model))
    throw new Refusal(
      `there are no dead letters of a model ${model}, and no such model: the models are ${Object.keys(models).join(', ')}`,
    )
}

const noLetter = (model: string | undefined): string =>
  `there is no such dead letter${model === undefined ? '' : ` of the model ${model}`}: dead-letters list shows those that there are`

async function orRefused(refused: Refused[], id: string, act: () => Promise<unknown>): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (!(error instanceof Refusal || isFailedCall(error))) throw error
    refused.push({ id, reason: error.message })
  }
}

/**
 * Redrives one request or message. It removes only the dead letters that it has read, because the new run may have
 * failed meanwhile, and its dead letter must stay.
 */
async function redrive(ports: Admin, name: string, letters: readonly RecordedDeadLetter[]): Promise<RedrivenLetter> {
  const input = letters[0] && (await refusedInputOf(ports, letters[0]))
  if (input) await redriveInput(ports, input)
  const redriven = input ? { id: name, queue: input.queue } : { request_id: name, run: await runAgain(ports, letters) }
  await ports.deadLetters.remove(letters.map(({ id }) => id))
  return redriven
}

/** Runs a request again. Returns the number of the new run. */
async function runAgain(ports: Admin, letters: readonly RecordedDeadLetter[]): Promise<number> {
  const message = await messageOf(ports, letters)
  const { model, priority, user_id } = message
  const { plan: planName, overrides, disabled_at } = await existingUser(ports.access, user_id)
  if (disabled_at !== undefined)
    throw new Refusal(`its user ${user_id} is disabled: users enable ${user_id} lets it run again`)
  await keepBody(ports, message)
  if (!(await ports.queueExists(queueName(model, priority))))
    throw new Refusal(`pipeline.yaml no longer has its model ${model}: it can only be discarded`)
  const { plan } = planOf(ports.quotas, planName)
  const entitlement = { limits: limitsOf(plan, overrides), shards: plan.shards, window: ports.quotas.window }
  const result = await redriveRequest(ports, message, entitlement)
  if (!result.redriven) throw new Refusal(SENTENCES[result.reason](user_id))
  return result.run
}

/**
 * Writes the body to the bucket again. The bucket deletes objects by their age. So the new object still exists during
 * the new run. Throws `Refusal` if the body no longer exists.
 */
async function keepBody({ payloads }: Admin, { body }: InferenceMessage): Promise<void> {
  if (!('key' in body)) return
  const value = await payloads.get(body.key)
  if (value === undefined)
    throw new Refusal('its body is no longer kept (observability.retention.payloads): it has to be posted again')
  await payloads.put(body.key, JSON.stringify(value))
}

const noRoom = (what: string) => (user: string) =>
  `its user ${user} has no ${what} left: raise the limit with users set ${user}, or redrive it later`

const SENTENCES: Record<(Redriven & { redriven: false })['reason'], (user: string) => string> = {
  'not failed': () =>
    'its request is no longer failed: requests show says what it is, and the dead letter can be discarded',
  erased: () => 'its owner has deleted it: the dead letter can only be discarded',
  requests: noRoom('requests'),
  tokens: noRoom('tokens'),
  in_flight: noRoom('requests in flight'),
}
