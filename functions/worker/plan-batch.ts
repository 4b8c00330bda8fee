import type { SQSRecord } from 'aws-lambda'
import type { Hints, InferenceMessage } from '../core/domain/messages.ts'

export interface Received {
  readonly record: SQSRecord
  /** Undefined when nobody can read it. */
  readonly message: InferenceMessage | undefined
}

export interface Member {
  readonly record: SQSRecord
  readonly message: InferenceMessage
  /** Whether no other message of its invocation is run at the same time. */
  readonly isAlone: boolean
}

/** What an invocation does with its messages. */
export type Job =
  /** One call for all of them. */
  | { readonly act: 'run'; readonly members: readonly Member[] }
  | { readonly act: 'postpone'; readonly record: SQSRecord; readonly message: InferenceMessage }
  | { readonly act: 'report'; readonly record: SQSRecord }

/**
 * A call a message, or, batched, a call for as many as may be together. Those that took a worker with them before run alone,
 * one after the other, and all others another time.
 */
export function plan(received: readonly Received[], batched: boolean): Job[] {
  const reports = received.flatMap(({ record, message }): Job[] => (message ? [] : [{ act: 'report', record }]))
  const members = received.flatMap(({ record, message }): Member[] =>
    message ? [{ record, message, isAlone: received.length === 1 }] : [],
  )
  const dangerous = members.filter(({ message }) => message.hints?.alone)
  if (dangerous.length === 0)
    return [...reports, ...groupsOf(members, batched).map((group): Job => ({ act: 'run', members: group }))]
  const others = members.filter(member => !dangerous.includes(member))
  return [
    ...reports,
    ...others.map(({ record, message }): Job => ({ act: 'postpone', record, message })),
    ...dangerous.map((member): Job => ({ act: 'run', members: [{ ...member, isAlone: true }] })),
  ]
}

function groupsOf(members: readonly Member[], batched: boolean): Member[][] {
  if (!batched) return members.map(member => [member])
  const companies = Map.groupBy(members, ({ message }) => message.hints?.at_most ?? members.length)
  return [...companies].flatMap(([size, company]) => callsOf(company, size))
}

/**
 * The most requests of a call whose bodies are not in their messages: each may have 4 MB, of which a worker holds several
 * copies until its call is made. Those in messages are small together, since Lambda hands over 6 MB at most.
 */
export const MAX_LARGE = 10

function callsOf(company: readonly Member[], size: number): Member[][] {
  const calls: Member[][] = []
  for (const member of company) {
    const last = calls.at(-1)
    if (last && hasRoom(last, member, size)) last.push(member)
    else calls.push([member])
  }
  return calls
}

const hasRoom = (call: readonly Member[], member: Member, size: number): boolean =>
  call.length < size && !(isLarge(member) && call.filter(isLarge).length >= MAX_LARGE)

const isLarge = ({ message }: Member): boolean => 'key' in message.body

/** How much smaller the company is that the members of a failed one come back in. */
const SMALLER = 4

/** What the members of a company that may have been too large are told of their next one. */
export const inSmaller = (company: number): Hints => (company > 1 ? { at_most: Math.ceil(company / SMALLER) } : {})
