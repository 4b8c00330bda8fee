/** Times on which several functions, or a function and the stack, must agree. All of them are in milliseconds. */

/**
 * The gateway's Lambda timeout, below API Gateway's 30 s. On Lambda, an invocation never runs longer than its timeout, except for workers on managed instances (ADR 0060).
 * In the local system, an invocation may go on for a while after its timeout (ADR 0047). So other functions can't rely
 * on the end of a gateway's invocation, and each write that may come late has a condition.
 */
export const GATEWAY_TIMEOUT_MS = 29_000

/**
 * The time for which the authorizer accepts a key that it has checked, without reading the tables of keys and users
 * again. So a revoked key may be accepted for this long.
 */
export const KEY_CACHE_MS = 60_000

/**
 * How long a worker waits if the request of a message has no item yet. The gateway writes the item and sends the
 * message at the same time, so the item usually appears a moment later. After this time, it no longer appears, because
 * on Lambda, the gateway's invocation has ended. Then the worker rejects the request, so that its reservation is
 * released.
 */
export const ITEM_GRACE_MS = 2 * GATEWAY_TIMEOUT_MS

/**
 * An open reservation that is older than this is checked. If its request has ended or has no item, a crash has left the
 * reservation open, so it is closed. Otherwise it would use up a part of the user's quota.
 */
export const STALE_RESERVATION_MS = 120_000

/**
 * The time that a worker has in addition to the timeout of its model's endpoint, for the other steps: to claim the
 * request, to map it, and to publish the outcome.
 */
export const WORKER_MARGIN_MS = 30_000

/**
 * A request fails after this number of worker crashes that count for it (`crashesOf`). Otherwise a request that crashes
 * its worker would do so again and again.
 */
export const MAX_CRASHES = 3

const DAY_MS = 86_400_000

/**
 * How long a queue keeps a message. After this time, the message is lost. So `queue.expire_after` is at most 13 days: a
 * worker must still receive the message of an expired request.
 */
export const MESSAGE_RETENTION_MS = 14 * DAY_MS

/**
 * How long request items are kept. An item must outlive the messages of its request (14 days), because a message
 * without an item counts as never accepted, and its request is rejected. The item must also exist when an operator
 * redrives the dead letter of its request.
 */
export const ITEM_RETENTION_MS = 90 * DAY_MS
