/** The error's name in the answer of a service of AWS: `ThrottlingException:http://…`. */
const ERROR = '$substringBefore(headers.`x-amzn-errortype`, ":")'

/** Returns whether an answer of AWS is one of these errors. */
export const isError = (...names: readonly string[]): string => `(${ERROR} in ${JSON.stringify(names)})`

/** The worker's credentials or its signature are refused. No request is to blame, and no retry helps. */
export const IS_SIGNATURE_REFUSED = isError(
  'ExpiredTokenException',
  'IncompleteSignatureException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'UnrecognizedClientException',
)
