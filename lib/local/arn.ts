/** The local system pretends to run in this account, region and partition. */
export const ACCOUNT = '000000000000'
export const REGION = 'us-east-1'
export const PARTITION = 'aws'

/** Writes an ARN, such as `arn:aws:sqs:us-east-1:000000000000:name`. */
export function arn(service: string, resource: string): string {
  return `arn:${PARTITION}:${service}:${REGION}:${ACCOUNT}:${resource}`
}

/** Finds the function's name in a function ARN (with or without qualifier), or in the URI that API Gateway makes from such an ARN. */
export function functionNameOf(text: string): string | undefined {
  return /:function:([A-Za-z0-9_-]+)/.exec(text)?.[1]
}

/** Finds the name of a queue in the queue's ARN. */
export function queueNameOf(queueArn: string): string | undefined {
  return /^arn:[^:]+:sqs:[^:]*:[^:]*:([^:]+)$/.exec(queueArn)?.[1]
}
