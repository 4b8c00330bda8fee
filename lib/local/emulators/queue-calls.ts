import type { Answer, Call } from './calls.ts'
import { insideFauxqs } from './fair-queues.ts'
import type { Written } from './queue-writes.ts'

interface Request {
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
}
interface Reply {
  status(status: number): unknown
  header(name: string, value: string): unknown
}
interface Router {
  register(action: string, handler: unknown): void
  handle(request: Request, reply: Reply): Promise<object>
}
interface RouterModule {
  SqsRouter: { prototype: Router }
}

/**
 * Lets other threads call fauxqs, the emulator of SQS, without HTTP. Each answer, also over HTTP, waits until the messages of its call are on disk. So
 * an acknowledged message survives the end of the process. Call this before fauxqs starts. The returned function works after fauxqs has started.
 */
export async function openQueueCalls(written: Written): Promise<Call> {
  const { SqsRouter }: RouterModule = await import(insideFauxqs('sqs/sqsRouter.js'))
  const { prototype } = SqsRouter
  let router: Router | undefined

  const { register, handle } = prototype
  prototype.register = function (action, handler) {
    router = this
    Reflect.apply(register, this, [action, handler])
  }
  prototype.handle = async function (request, reply) {
    const answer = await Reflect.apply(handle, this, [request, reply])
    await written()
    return answer
  }

  return async (operation, body) => {
    let status = 200
    const headers: Record<string, string> = {}
    const reply: Reply = {
      status: given => {
        status = given
      },
      header: (name, value) => {
        headers[name] = value
      },
    }
    try {
      if (!router) throw new Error('The queues have not started.')
      const request = { headers: { 'x-amz-target': `AmazonSQS.${operation}` }, body: JSON.parse(body) }
      const answer = await router.handle(request, reply)
      return { status, headers, body: JSON.stringify(answer) } satisfies Answer
    } catch (error) {
      return { status: 500, body: JSON.stringify({ __type: 'InternalFailure', message: String(error) }) }
    }
  }
}
