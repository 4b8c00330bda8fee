import { ANY_POLICY, PROTECTED, UNPROTECTED, type WorkerSettings } from './policies.ts'

/** What a history is mostly about: weights of what clients do, and of how the model fails. */
export interface Mood {
  readonly users: readonly string[]
  /** Requests after which no plain submission makes another. */
  readonly most: number
  readonly plain: number
  readonly keyed: number
  /** A keyed submission once more, as a client that had no answer does. */
  readonly again: number
  readonly cancel: number
  readonly redrive: number
  /** Messages of the input queue, and their repetitions. */
  readonly input: number
  /** Whose calls go wrong more often than others'. */
  readonly troubled: 'gateway' | 'collector' | 'operator' | 'intake' | 'worker'
  /** Of the model's failures, over that of its successes. */
  readonly failing: number
  /** How the model may be protected. */
  readonly policies: readonly (readonly [number, WorkerSettings])[]
}

const MIXED: Mood = {
  troubled: 'collector',
  users: ['ann', 'bob', 'cid'],
  most: 50,
  plain: 6,
  keyed: 5,
  again: 4,
  cancel: 2,
  redrive: 4,
  input: 0,
  failing: 1,
  policies: ANY_POLICY,
}

export const MOODS: readonly (readonly [number, Mood])[] = [
  [4, MIXED],
  // One request or two, which are run again and again, by several operators at once.
  [
    4,
    {
      troubled: 'operator',
      users: ['cid'],
      most: 1,
      plain: 6,
      keyed: 0,
      again: 0,
      cancel: 0.3,
      redrive: 14,
      input: 0,
      failing: 8,
      policies: UNPROTECTED,
    },
  ],
  [
    2,
    {
      troubled: 'operator',
      users: ['cid'],
      most: 2,
      plain: 6,
      keyed: 0,
      again: 0,
      cancel: 0.3,
      redrive: 14,
      input: 0,
      failing: 1,
      policies: ANY_POLICY,
    },
  ],
  // One key, often at once, of a user who has little.
  [
    3,
    {
      troubled: 'gateway',
      users: ['ann'],
      most: 2,
      plain: 1,
      keyed: 3,
      again: 14,
      cancel: 1,
      redrive: 1,
      input: 0,
      failing: 1,
      policies: ANY_POLICY,
    },
  ],
  [1, { ...MIXED, users: ['bob'], again: 8 }],
  // Messages of an input, delivered again and again, of a user who has little and who posts, too.
  [
    2,
    {
      ...MIXED,
      troubled: 'intake',
      users: ['ann'],
      plain: 1,
      keyed: 0.5,
      again: 0,
      cancel: 0.3,
      redrive: 0,
      input: 16,
    },
  ],
  // Many requests at once, for a model that has its bad times.
  [
    3,
    {
      troubled: 'worker',
      users: ['cid'],
      most: 30,
      plain: 12,
      keyed: 0,
      again: 0,
      cancel: 1,
      redrive: 1,
      input: 0,
      failing: 2,
      policies: PROTECTED,
    },
  ],
]
