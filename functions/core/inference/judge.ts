import type { Clock } from '../platform/clock.ts'
import { type Outputs, readOutputs } from './batch.ts'
import type { ModelAnswer, Reply } from './port.ts'
import type { Retry } from './retry.ts'
import { judge } from './verdict.ts'

/** Judges what a model answers. */
export interface Judge {
  /** The verdict on a call for one request. */
  call(reply: Reply): Promise<ModelAnswer>
  /** The verdicts on a call for a batch of so many requests. */
  batch(reply: Reply, inputs: number): Promise<Outputs>
}

export interface JudgeSettings {
  readonly retry: Retry
  /** Whether the calls carry a secret. */
  readonly has_secret: boolean
}

export function createJudge(rules: JudgeSettings, clock: Clock): Judge {
  return {
    call: async reply => judge(reply, rules, clock()),
    batch: async (reply, inputs) => readOutputs(judge(reply, rules, clock()), inputs),
  }
}
