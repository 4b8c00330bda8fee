import { createJudge } from '../../functions/core/inference/judge.ts'
import type { ModelEndpoint } from '../../functions/core/inference/port.ts'
import { systemClock } from '../../functions/core/platform/clock.ts'
import { aRetry } from './failures.ts'

const judge = createJudge({ retry: aRetry(), has_secret: false }, systemClock)

/** Joins an endpoint with a judge: a call returns the verdict on the endpoint's reply. */
export const judging = (endpoint: ModelEndpoint) => ({
  prepare: () => endpoint.prepare(),
  call: async (requestId: string | undefined, body: unknown) => judge.call(await endpoint.call(requestId, body)),
})
