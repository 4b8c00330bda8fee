/*
 * Quantities that nobody has measured in an AWS account. Each is a cautious estimate. The bill names the ones that matter.
 */

/** A month as AWS's price pages count it. */
export const HOURS_PER_MONTH = 730
export const SECONDS_PER_MONTH = HOURS_PER_MONTH * 3_600

/** The client posts a request, then reads it twice: before its end and after it. */
export const API_CALLS = 3

/** The authorizer remembers a key for a minute. So many of its calls pass per look-up of a key. */
export const CALLS_PER_LOOKUP = 20

/** Billed time of one invocation, without the call of a model. Seconds. */
export const BILLED_SECONDS = {
  authorizer: 0.004,
  gateway: 0.04,
  reader: 0.03,
  worker: 0.06,
  collector: 0.06,
  /** It moves messages of a bulk queue that need not wait. */
  broker: 0.06,
  sweeper: 0.2,
  retention: 20,
}

/** Billed time of the sweeper for a look at one request. It looks at many at the same time. Seconds. */
export const SECONDS_PER_LOOK = 0.001

/**
 * One of so many invocations starts an environment, whose start is billed. AWS says that it is fewer than one of a hundred
 * (https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/). The time is that of the largest bundle's import
 * with a third of a core. Seconds.
 */
export const INVOCATIONS_PER_START = 100
export const START_SECONDS = 0.6

/** In bursts: the requests of a month come in so many parts. Between two of them, the database pauses. */
export const BURSTS_PER_MONTH = 30

/** Lambda polls an idle queue with five pollers that wait for 20 seconds each. */
export const IDLE_POLLS_PER_MONTH = (5 * SECONDS_PER_MONTH) / 20

/** The sweeper runs every two minutes; the deletion of old rows runs once a day. */
export const SWEEPS_PER_MONTH = SECONDS_PER_MONTH / 120
export const RETENTION_RUNS_PER_MONTH = SECONDS_PER_MONTH / 86_400

/** Aurora's smallest capacity while it is not paused, and the time without statements after which it pauses. */
export const LEAST_CAPACITY = 0.5
export const PAUSE_AFTER_HOURS = 0.5
/** So many statements per second are one unit of capacity. */
export const STATEMENTS_PER_CAPACITY = 100

/** Storage writes of Postgres per request: its row is inserted, and the indexes learn of it. */
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
  /** One queue of a broker. */
  sweeper_log: 280,
}

/** How long items and logs are kept. Months. */
export const ITEM_MONTHS = 3
export const ACCESS_LOG_MONTHS = 3
