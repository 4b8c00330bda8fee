/** Matches the name of a region, such as `us-west-2`, `us-gov-west-1` or `eusc-de-east-1`. */
const REGION = /^[a-z]{2,4}(-[a-z]+)+-\d{1,2}$/

/** Returns the AWS region in the name of a host, as in `runtime.sagemaker.us-west-2.amazonaws.com`. */
export const regionOf = (hostname: string): string | undefined =>
  hostname.split('.').findLast(label => REGION.test(label))
