// A function imports this file before its own code. It appends each call to AWS that the function makes to a log, whose name is in the query of the import.
import { channel } from 'node:diagnostics_channel'
import { appendFileSync } from 'node:fs'
import type { ClientRequest } from 'node:http'

const file = new URL(import.meta.url).searchParams.get('file') ?? ''

channel('http.client.request.created').subscribe(message => {
  const { request } = message as { request: ClientRequest }
  const { end } = request
  request.end = ((body?: unknown, ...rest: never[]) => {
    note(request, body)
    return Reflect.apply(end, request, [body, ...rest])
  }) as ClientRequest['end']
})

/** Records a call to AWS. A body for S3 is left out, because it is streamed and the path already has the key of the object. */
function note(request: ClientRequest, body: unknown): void {
  const authorization = String(request.getHeader('authorization') ?? '')
  const [, service] = /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(authorization) ?? []
  if (service === undefined) return
  const call = {
    function_name: process.env.AWS_LAMBDA_FUNCTION_NAME,
    service,
    method: request.method,
    path: request.path,
    target: request.getHeader('x-amz-target'),
    body: service === 's3' ? undefined : Buffer.from((body ?? '') as string).toString(),
  }
  appendFileSync(file, `${JSON.stringify(call)}\n`)
}
