/** Times that more than one function, or the stack, must agree on. All in milliseconds. */

/**
 * The gateway's Lambda timeout, below API Gateway's 30 s. After it, nothing of that invocation runs any more on Lambda. In the local system
 * it may go on for a while (ADR 0047). So to wait for this time proves nothing there, and each write that may come late has a condition.
 */
export const GATEWAY_TIMEOUT_MS = 29_000

/** The authorizer accepts a checked key for this time without a look into the tables. */
export const KEY_CACHE_MS = 60_000

/** A worker that meets a message without an item waits so long for the gateway's write before it gives the request up. */
export const ITEM_GRACE_MS = 2 * GATEWAY_TIMEOUT_MS

/** A reservation older than this, whose request has ended or never came to be, is an orphan that may be closed. */
export const STALE_RESERVATION_MS = 120_000

/** What a worker has over its endpoint's timeout, to claim, to map and to publish. */
export const WORKER_MARGIN_MS = 30_000

/** Crashes of a worker under one request, after which the request is given up. */
export const MAX_CRASHES = 3

const DAY_MS = 86_400_000

/** A queue keeps a message for this time. Then the message is lost. */
export const MESSAGE_RETENTION_MS = 14 * DAY_MS

/** Items outlive every message of theirs (queues keep 14 days) and a dead letter's redrive. */
export const ITEM_RETENTION_MS = 90 * DAY_MS
