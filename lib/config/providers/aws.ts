/** The JSONata of the error's name in an answer of AWS: `ThrottlingException:http://…`. */
const ERROR = '$substringBefore(headers.`x-amzn-errortype`, ":")'

/** Returns the JSONata condition that an answer of AWS has one of these errors. */
export const isError = (...names: readonly string[]): string => `(${ERROR} in ${JSON.stringify(names)})`

/**
 * The condition that AWS refuses the worker's credentials or its signature. No request has caused this, and a retry
 * does not help.
 */
export const IS_SIGNATURE_REFUSED = isError(
  'ExpiredTokenException',
  'IncompleteSignatureException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'UnrecognizedClientException',
)
