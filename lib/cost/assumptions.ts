/*
 * Quantities that were not measured in an AWS account. Each is a cautious estimate. The bill names the important ones.
 */

/** The hours of a month on AWS's price pages. */
export const HOURS_PER_MONTH = 730
export const SECONDS_PER_MONTH = HOURS_PER_MONTH * 3_600

/** The API calls per request: the client posts it, and then reads it twice, before its end and after it. */
export const API_CALLS = 3

/** The number of calls per look-up of a key, because the authorizer remembers a key for a minute. */
export const CALLS_PER_LOOKUP = 20

/** Billed time of one invocation, without the call of a model. Seconds. */
export const BILLED_SECONDS = {
  authorizer: 0.004,
  gateway: 0.04,
  reader: 0.03,
  worker: 0.06,
  collector: 0.06,
  /** For messages of a bulk queue that don't wait. */
  broker: 0.06,
  sweeper: 0.2,
  retention: 20,
}

/** The billed time of the sweeper for reading one request, in seconds. It reads many at the same time. */
export const SECONDS_PER_LOOK = 0.001

/**
 * The number of invocations per start of an environment, which is billed. AWS says that fewer than one in a hundred
 * invocations starts one (https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/).
 * `START_SECONDS` is the time of the largest bundle's import with a third of a core.
 */
export const INVOCATIONS_PER_START = 100
export const START_SECONDS = 0.6

/**
 * The number of bursts in which the requests of a month come, with `bursts`. The database pauses between two of them.
 */
export const BURSTS_PER_MONTH = 30

/** The polls of an idle queue per month. Lambda polls it with five pollers that wait for 20 seconds each. */
export const IDLE_POLLS_PER_MONTH = (5 * SECONDS_PER_MONTH) / 20

/** The sweeper runs every two minutes; the deletion of old rows runs once a day. */
export const SWEEPS_PER_MONTH = SECONDS_PER_MONTH / 120
export const RETENTION_RUNS_PER_MONTH = SECONDS_PER_MONTH / 86_400

/** Aurora's smallest capacity while it is not paused, and the time without statements after which it pauses. */
export const LEAST_CAPACITY = 0.5
export const PAUSE_AFTER_HOURS = 0.5
/** The number of statements per second for one unit of capacity. */
export const STATEMENTS_PER_CAPACITY = 100

/** Storage writes of Postgres per request: its row is inserted, and the indexes are updated. */
export const DATABASE_IOS = 2

/** Sizes, in bytes. Prompt and result have 2 KB each. */
export const BYTES = {
  /** A request item, kept for 90 days. */
  item: 1_000,
  row: 5_000,
  /** Answers to the client, and the body of the model's call. */
  transfer: 6_000,
  /** Lines of the access log, per call, measured with `npm start`. */
  access_log: 350,
  /** Log lines of functions per request, with the 26 bytes that CloudWatch adds to each. A test compares them with the lines. */
  gateway_log: 257,
  worker_log: 325,
  settled_log: 1_081,
  /** The log line of the sweeper for one queue of a broker. */
  sweeper_log: 280,
}

/** How long items and logs are kept. Months. */
export const ITEM_MONTHS = 3
export const ACCESS_LOG_MONTHS = 3
