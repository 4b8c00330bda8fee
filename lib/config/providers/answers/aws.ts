/** Makes the headers with which AWS sends the error of this name. */
export const named = (name: string) => ({
  'x-amzn-requestid': '00000000-0000-4000-8000-000000000000',
  'x-amzn-errortype': `${name}:http://internal.amazon.com/coral/com.amazon.coral.service/`,
})
