import type { Clock, Sleep } from '../platform/clock.ts'
import { isTerminal } from '../requests/item.ts'
import { type RequestView, type ViewPorts, viewRequest } from './view-request.ts'

/** The longest that an answer waits, in seconds: API Gateway gives up at 30. */
export const MAX_WAIT_SECONDS = 25

/** Between two looks, in milliseconds: soon at first, since many models are quick, then ever slower. */
const FIRST_PAUSE = 100
const LONGEST_PAUSE = 1_000

/** The request as it is when it has ended, or when `ms` have passed. Throws `ApiError`, and `Unavailable`. */
export async function awaitEnd(
  ports: ViewPorts & { readonly clock: Clock; readonly sleep: Sleep },
  userId: string,
  requestId: string,
  ms: number,
): Promise<RequestView> {
  const until = ports.clock() + ms
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE)) {
    const view = await viewRequest(ports, userId, requestId)
    const left = until - ports.clock()
    if (isTerminal(view.status) || left <= 0) return view
    await ports.sleep(Math.min(pause, left))
  }
}
