import type { createClients, Submission } from './clients.ts'
import { createDeployments } from './deployments.ts'
import { BREAKING_PROMPT, POISON, REFUSED_PROMPT } from './endpoint.ts'
import type { Mood } from './mood.ts'
import { evenly } from './random.ts'
import { INPUT_QUEUE, WORK_QUEUES } from './settings.ts'
import type { System } from './system.ts'

const BODIES: readonly (readonly [number, string])[] = [
  [6, '{"prompt":"hello"}'],
  [4, '{"prompt":"hello","parameters":{"max_tokens":9}}'],
  [2, '{"prompt":"h","priority":"high"}'],
  [1, '{"prompt":"hello","parameters":{"max_tokens":60}}'],
  [1, '{"prompt":"\\ud83d\\ude00","metadata":{"a":[1e300,""]}}'],
  [0.7, `{"prompt":"${POISON}"}`],
  [0.5, '{"prompt":"unmapped"}'],
  [0.5, `{"prompt":"${REFUSED_PROMPT}"}`],
  [0.5, `{"prompt":"${BREAKING_PROMPT}"}`],
  [0.3, '{"prompt":"a\\u0000b"}'],
  [0.4, `{"prompt":"${'large '.repeat(10_000)}","parameters":{"max_tokens":1}}`],
]
/** Bodies of messages of the input queue, with weights. Most bodies are valid. */
const INPUTS: readonly (readonly [number, (user: string, mark: object) => string])[] = [
  [6, (userId, metadata) => JSON.stringify({ user_id: userId, prompt: 'hello', metadata })],
  [
    3,
    (userId, metadata) => JSON.stringify({ user_id: userId, prompt: 'hello', parameters: { max_tokens: 9 }, metadata }),
  ],
  [2, (userId, metadata) => JSON.stringify({ user_id: userId, prompt: 'h', priority: 'high', metadata })],
  [1, (userId, metadata) => JSON.stringify({ user_id: userId, prompt: 'hello', model: 'unknown', metadata })],
  [1.5, (_, metadata) => JSON.stringify({ prompt: 'hello', metadata })],
  [1.5, (_, metadata) => `{"user_id":"not a user","prompt":"${'large '.repeat(10_000)}",${JSON.stringify(metadata)}`],
]
const KEYS = ['key-1', 'key-2']
const WAIT_MS = 2_000

/** The operations of clients, operators, producers of the input queue, and deployments. The choices of the history pick each operation. */
export function createOperations(system: System, clients: ReturnType<typeof createClients>, mood: Mood) {
  const { world, known, services } = system
  const { choices } = world
  const deployments = createDeployments(system)
  const submissions: (Submission & { readonly key: string })[] = []
  let count = 0

  const anyUser = () => choices.of(evenly(mood.users))
  const anyRequest = () => choices.of(evenly([...known.items.keys()].reverse()))
  /** Picks the request's owner in most cases, and otherwise another user, who must be answered as if there were no such request. */
  const readerOf = (id: string) =>
    choices.of([[6, known.items.get(id)?.user_id ?? ''], ...evenly(mood.users), [1, 'eve']])

  function submitKeyed(submission: Submission & { readonly key: string }): void {
    submissions.push(submission)
    clients.submit(submission)
  }

  const operations = {
    nothing: () => undefined,
    submit: () => clients.submit({ user: anyUser(), body: choices.of(BODIES), key: undefined }),
    submitKeyed: () => submitKeyed({ user: anyUser(), body: choices.of(BODIES), key: choices.of(evenly(KEYS)) }),
    submitAgain: () => submitKeyed(choices.of(evenly(submissions.slice(-4)))),
    read: () => {
      const id = anyRequest()
      clients.read(readerOf(id), id, choices.of(evenly([0, 0, WAIT_MS])))
    },
    cancel: () => {
      const id = anyRequest()
      clients.cancel(readerOf(id), id)
    },
    erase: () => {
      const id = anyRequest()
      clients.erase(readerOf(id), id)
    },
    list: () => clients.list(anyUser()),
    readQuota: () => clients.readQuota(anyUser()),
    redrive: () => clients.redrive(choices.of(evenly([...services.rdsData.deadLetters.keys()]))),
    deploy: deployments.next,
    sendInput: () => {
      const mark = { mark: known.inputs.size + 1 }
      const body = choices.of(INPUTS)(anyUser(), mark)
      known.inputs.set(services.queues.put(INPUT_QUEUE, body), { body, mark })
    },
    /** Sends a message again. SQS may deliver a deleted message again, and a producer of RabbitMQ publishes again if it got no confirm. */
    sendInputAgain: () => {
      const [id, { body }] = choices.of(evenly([...known.inputs].slice(-4)))
      services.queues.put(INPUT_QUEUE, body, id)
    },
    sendGarbage: () => services.queues.put(choices.of(evenly(WORK_QUEUES)), 'garbage'),
  }

  return {
    /** The number of operations so far. */
    count: () => count,
    next(): void {
      count++
      const hasRequests = known.items.size > 0
      const weights: Record<keyof typeof operations, number> = {
        nothing: 1,
        submit: known.items.size < mood.most ? mood.plain : 0,
        submitKeyed: mood.keyed,
        submitAgain: submissions.length > 0 ? mood.again : 0,
        read: hasRequests ? 3 : 0,
        cancel: hasRequests ? mood.cancel : 0,
        erase: hasRequests ? mood.erase : 0,
        list: 1,
        readQuota: 0.3,
        redrive: services.rdsData.deadLetters.size > 0 ? mood.redrive : 0,
        deploy: mood.deploy,
        sendInput: mood.input,
        sendInputAgain: known.inputs.size > 0 ? mood.input : 0,
        sendGarbage: 0.2,
      }
      const possible = (Object.keys(operations) as (keyof typeof operations)[]).filter(name => weights[name] > 0)
      operations[choices.of(possible.map(name => [weights[name], name]))]()
    },
    /** Repeats the last three submissions with an Idempotency-Key. */
    submitLastAgain(): void {
      for (const submission of submissions.slice(-3)) clients.submit(submission)
    },
  }
}
