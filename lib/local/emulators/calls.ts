import type { MessagePort } from 'node:worker_threads'

/** The answer of an emulator, with the parts of an HTTP answer. */
export interface Answer {
  readonly status: number
  readonly body: string
  /** The headers that the SDK reads if the answer is an error. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Performs an operation of an emulator, such as `PutItem`. The body is JSON. The promise never rejects. */
export type Call = (operation: string, body: string) => Promise<Answer>

interface Question {
  readonly id: number
  readonly operation: string
  readonly body: string
}

interface Reply {
  readonly to: number
  readonly answer: Answer
}

/** Answers the calls that come through a port. Callers are not checked, since only a thread of this process can have the other end of the port. */
export function answerCalls(port: MessagePort, call: Call): void {
  port.on('message', async ({ id, operation, body }: Question) => {
    const reply: Reply = { to: id, answer: await call(operation, body) }
    port.postMessage(reply)
  })
}

export interface Caller {
  /** Performs a call. Rejects with `Disconnected` if the emulator ends before it has answered. */
  readonly call: Call
  isOpen(): boolean
}

/** The emulator's thread has ended. */
export class Disconnected extends Error {
  override readonly name = 'Disconnected'
  /** With this code, the SDK treats the error like a lost connection. */
  readonly code = 'ECONNRESET'
}

/** Makes calls through a port. */
export function openCaller(port: MessagePort): Caller {
  const waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>()
  let calls = 0
  let isOpen = true

  port.on('message', ({ to, answer }: Reply) => {
    waiting.get(to)?.resolve(answer)
    waiting.delete(to)
  })
  port.on('close', () => {
    isOpen = false
    for (const { reject } of waiting.values()) reject(new Disconnected('The emulator has ended.'))
    waiting.clear()
  })
  // Without this, the open port would keep the thread from ending.
  port.unref()

  return {
    isOpen: () => isOpen,
    call(operation, body) {
      if (!isOpen) return Promise.reject(new Disconnected('The emulator has ended.'))
      const { promise, resolve, reject } = Promise.withResolvers<Answer>()
      const question: Question = { id: calls++, operation, body }
      waiting.set(question.id, { resolve, reject })
      port.postMessage(question)
      return promise
    },
  }
}
