import { type Connection, httpAnswer, type RawServer, serveRaw } from '../../support/raw-server.ts'
import type { ReceivedRequest } from '../../support/sigv4.ts'

/** The answer of a model to one call: the exact bytes, after which the model closes the connection, or a function that uses the connection. */
export type Said = string | Uint8Array | ((connection: Connection, request: ReceivedRequest) => unknown)

/** A call that the model received. */
export interface RawCall extends ReceivedRequest {
  /** The time of the call in epoch milliseconds. */
  readonly at: number
}

export interface RawModel {
  readonly server: RawServer
  /** Sets the answers to calls whose path or body contains this mark (a unique text), one answer per call. All further calls get the last answer. */
  on(mark: string, ...says: readonly [Said, ...Said[]]): void
  /** The calls with this mark, oldest first. */
  calls(mark: string): readonly RawCall[]
}

/** The number of bytes of a request that are read before the answer. If a request is longer, the answer arrives before the end of the request. */
export const READ_FIRST = 1_048_576

const FINE = httpAnswer(200, '{"result":"fine","usage":{"total_tokens":7}}')

/** Starts a model without Node's HTTP server, so that a test can set every byte of an answer, even of an invalid one. */
export async function startRawModel(): Promise<RawModel> {
  const scripts = new Map<string, readonly [Said, ...Said[]]>()
  const calls = new Map<string, RawCall[]>()
  const callsOf = (mark: string) => calls.get(mark) ?? []
  const sayOf = (request: ReceivedRequest, text: string): Said => {
    const [mark, says] = scripts.entries().find(([one]) => text.includes(one)) ?? []
    if (mark === undefined || says === undefined) return FINE
    const before = callsOf(mark)
    calls.set(mark, [...before, { ...request, at: Date.now() }])
    return says[before.length] ?? says.at(-1) ?? FINE
  }
  const server = await serveRaw(async connection => {
    const text = await connection.request(READ_FIRST)
    const request = parse(text)
    const say = sayOf(request, text)
    if (typeof say === 'function') say(connection, request)
    else {
      await connection.request()
      connection.say(say)
      connection.socket.end()
    }
  })
  return { server, on: (mark, ...says) => void scripts.set(mark, says), calls: callsOf }
}

function parse(text: string): ReceivedRequest {
  const end = text.indexOf('\r\n\r\n')
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const [method = '', target = ''] = first.split(' ')
  const headers = lines.map(line => [line.split(':')[0]?.toLowerCase(), line.slice(line.indexOf(':') + 1).trim()])
  const body = Buffer.from(text.slice(end + 4), 'latin1').toString()
  return { method, target, headers: Object.fromEntries(headers), body }
}
