/*
 * Quantities that a bill is computed with. They were not measured in an AWS account. Each is a cautious estimate. The notes
 * of a bill name the most important ones.
 */

/** The hours of a month on AWS's price pages. */
export const HOURS_PER_MONTH = 730
export const SECONDS_PER_MONTH = HOURS_PER_MONTH * 3_600

/** The API calls per request: the client posts it, and then reads it twice, before its end and after it. */
export const API_CALLS = 3

/** The API calls per look-up of a key in DynamoDB. It is not 1, because the authorizer remembers a key for a minute. */
export const CALLS_PER_LOOKUP = 20

/** Billed time of one invocation, without the call to a model. Seconds. */
export const BILLED_SECONDS = {
  authorizer: 0.004,
  gateway: 0.04,
  reader: 0.03,
  worker: 0.06,
  collector: 0.06,
  /**
   * Moves messages out of a bulk queue, in which messages of users with many open requests wait (only with RabbitMQ). The time
   * holds for messages that need not wait there.
   */
  broker: 0.06,
  sweeper: 0.2,
  retention: 20,
}

/** The billed time for which the sweeper reads one request item, in seconds. The time is short, because the sweeper reads many items at the same time. */
export const SECONDS_PER_LOOK = 0.001

/**
 * The number of invocations per start of a Lambda environment. AWS bills the time of a start. AWS says that fewer than one
 * in a hundred invocations starts an environment
 * (https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/).
 * `START_SECONDS` is the time in which a third of a core imports the largest bundle.
 */
export const INVOCATIONS_PER_START = 100
export const START_SECONDS = 0.6

/**
 * The instances on which workers run, with `managed_instances`. AWS chooses them. An `m7g.large` has two cores and 8 GB, of which its own software takes
 * a part. So it surely has memory for one environment of a worker. AWS says that it starts three instances, one per availability zone, even if fewer
 * are enough (https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-best-practices.html).
 */
export const LEAST_INSTANCES = 3

/**
 * The number of bursts per month, if the traffic has the spread `bursts`. The database pauses between two bursts.
 */
export const BURSTS_PER_MONTH = 30

/** The calls to SQS per month for an idle queue. Lambda has five pollers per queue. Each call of a poller waits 20 seconds for messages. */
export const IDLE_POLLS_PER_MONTH = (5 * SECONDS_PER_MONTH) / 20

/** The runs per month of the sweeper, which runs every two minutes, and of the deletion of old rows, which runs once a day. */
export const SWEEPS_PER_MONTH = SECONDS_PER_MONTH / 120
export const RETENTION_RUNS_PER_MONTH = SECONDS_PER_MONTH / 86_400

/** Aurora's smallest capacity while it is not paused, in ACU (Aurora capacity units), and the hours without statements after which it pauses. */
export const LEAST_CAPACITY = 0.5
export const PAUSE_AFTER_HOURS = 0.5
/** The number of statements per second that one ACU can run. */
export const STATEMENTS_PER_CAPACITY = 100

/** The I/O operations of the database per request, for the insert of the row and the update of the indexes. */
export const DATABASE_IOS = 2

/** Sizes, in bytes. The sizes of requests hold for a prompt of 2 KB and a result of 2 KB. */
export const BYTES = {
  /** A request item in DynamoDB. DynamoDB keeps it for 90 days. */
  item: 1_000,
  /** A row in Postgres. */
  row: 5_000,
  /** The data that leaves AWS: the answers to the client, and the body of the call to the model. */
  transfer: 6_000,
  /** The line of API Gateway's access log, per API call. Measured with `npm start`. */
  access_log: 350,
  /**
   * The log lines of functions per request. Each includes the 26 bytes that CloudWatch adds to a line. A test compares these
   * sizes with the real lines.
   */
  gateway_log: 257,
  worker_log: 325,
  settled_log: 1_081,
  /** The log line of the sweeper for one queue of a broker. */
  sweeper_log: 280,
}

/** How long request items and the access log are kept, in months. */
export const ITEM_MONTHS = 3
export const ACCESS_LOG_MONTHS = 3
