/** Times that more than one function, or the stack, must agree on. All in milliseconds. */

/**
 * The gateway's Lambda timeout, below API Gateway's 30 s. On Lambda, nothing of the invocation runs after this time. In
 * the local system, it may go on for a while (ADR 0047). So a wait for this time proves nothing there, and each write
 * that may come late has a condition.
 */
export const GATEWAY_TIMEOUT_MS = 29_000

/** The time for which the authorizer accepts a checked key without reading the tables. */
export const KEY_CACHE_MS = 60_000

/**
 * How long a worker waits for the item of a message that has none. After this time, the gateway no longer writes the
 * item, and the worker rejects the request.
 */
export const ITEM_GRACE_MS = 2 * GATEWAY_TIMEOUT_MS

/**
 * The age from which a reservation is checked. If its request has ended or was never written, the reservation is
 * closed.
 */
export const STALE_RESERVATION_MS = 120_000

/** The time that a worker has in addition to the timeout of its endpoint, to claim, to map and to publish. */
export const WORKER_MARGIN_MS = 30_000

/** The number of crashes of its workers after which a request fails. */
export const MAX_CRASHES = 3

const DAY_MS = 86_400_000

/** How long a queue keeps a message. After this time, the message is lost. */
export const MESSAGE_RETENTION_MS = 14 * DAY_MS

/**
 * How long items are kept. They must exist longer than each of their messages (14 days) and than the redrive of a dead
 * letter.
 */
export const ITEM_RETENTION_MS = 90 * DAY_MS
