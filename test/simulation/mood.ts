import { ANY_POLICY, PROTECTED, UNPROTECTED, WITH_CIRCUIT, type WorkerSettings } from './policies.ts'

/** The kind of a history (one simulated run of Sluice): how often each operation is chosen, which function fails often, and how often the model fails. */
export interface Mood {
  readonly users: readonly string[]
  /** When the history has this number of requests, no further request is submitted without an Idempotency-Key. */
  readonly most: number
  /** The weight of a submission without an Idempotency-Key, and then that of a submission with one. */
  readonly plain: number
  readonly keyed: number
  /** The weight of a repeated submission with an Idempotency-Key, as a client makes it after a lost answer. */
  readonly again: number
  readonly cancel: number
  /** The weight of a deletion of a request by its owner. */
  readonly erase: number
  readonly redrive: number
  /** The weight of a deployment that removes the model or brings it back. */
  readonly deploy: number
  /** The weights of messages of the input queue and of their repetitions. */
  readonly input: number
  /** The function whose calls to services fail more often than those of other functions. */
  readonly troubled: 'gateway' | 'collector' | 'operator' | 'intake' | 'worker'
  /** The weight of the model's failures relative to its successes. */
  readonly failing: number
  /** The policies that protect the model. */
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
  erase: 0,
  redrive: 4,
  deploy: 0,
  input: 0,
  failing: 1,
  policies: ANY_POLICY,
}

export const MOODS: readonly (readonly [number, Mood])[] = [
  [2.5, MIXED],
  // Owners delete their requests, while operators redrive failed requests.
  [
    1.5,
    {
      ...MIXED,
      users: ['bob', 'cid'],
      most: 6,
      erase: 6,
      cancel: 0.5,
      redrive: 10,
      failing: 4,
      policies: ANY_POLICY,
    },
  ],
  // One or two requests. Several operators redrive them again and again.
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
      erase: 0,
      redrive: 14,
      deploy: 0,
      input: 0,
      failing: 8,
      policies: UNPROTECTED,
    },
  ],
  // Few requests and many redrives, with a model that deployments remove and bring back.
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
      erase: 0,
      redrive: 14,
      deploy: 4,
      input: 0,
      failing: 1,
      policies: ANY_POLICY,
    },
  ],
  // One idempotency key, often used concurrently, by a user with a small quota.
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
      erase: 0,
      redrive: 1,
      deploy: 0,
      input: 0,
      failing: 1,
      policies: ANY_POLICY,
    },
  ],
  [1, { ...MIXED, users: ['bob'], again: 8, deploy: 2 }],
  // Messages of an input queue that are delivered repeatedly. Their user has a small quota, and also posts requests over HTTP.
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
      erase: 0,
      redrive: 0,
      input: 16,
    },
  ],
  // Many concurrent requests for a model that fails at times.
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
      erase: 0,
      redrive: 1,
      deploy: 0,
      input: 0,
      failing: 2,
      policies: PROTECTED,
    },
  ],
  // The requests of one user always fail. The requests of other users rarely fail.
  [
    2,
    {
      ...MIXED,
      troubled: 'worker',
      users: ['pia', 'cid', 'dan'],
      most: 30,
      plain: 12,
      keyed: 0,
      again: 0,
      cancel: 1,
      erase: 0,
      redrive: 1,
      failing: 0.05,
      policies: WITH_CIRCUIT,
    },
  ],
]
