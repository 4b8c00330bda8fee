import type { RequestItem } from '../../../functions/core/domain/item.ts'
import { InferenceMessage } from '../../../functions/core/domain/messages.ts'
import type { GuardStore } from '../../../functions/core/flow-control/port.ts'
import type { GuardState } from '../../../functions/core/flow-control/state.ts'
import type { ModelAnswer } from '../../../functions/core/inference/port.ts'
import type { PlantedBug, Ports } from '../compose.ts'
import { ignored, withoutClauses } from './commands.ts'

/** Bugs in how a model is protected: what its workers share, and what a retry or a batch makes of a request. */
export const IN_PROTECTION: readonly PlantedBug[] = [
  {
    name: 'a probe is let through beside another',
    guardStore: seeing(state => ({ ...state, probe: undefined })),
  },
  {
    name: 'what a worker knows of the model is written over what others know',
    command: withoutClauses('models', ['version = :before']),
  },
  { name: 'each worker has a rate limit of its own', guardStore: seeingOwn('calls') },
  { name: 'each worker counts its own failures', guardStore: seeingOwn('failures') },
  { name: 'what was read of a model once is believed for long', guardStore: believing },
  { name: 'a permit is never too old', ports: ports => ({ ...ports, guard: { ...ports.guard, isLate: () => false } }) },
  { name: 'a turn is used again and again', ports: usingTurnsAgain },
  {
    name: 'a probe that was not made is not given back',
    ports: ports => ({
      ...ports,
      guard: {
        ...ports.guard,
        report: async report =>
          report.findings === 'nothing' && report.pause_until === undefined ? undefined : ports.guard.report(report),
      },
    }),
  },
  {
    name: 'a pause is told to nobody else',
    ports: ports => ({
      ...ports,
      guard: { ...ports.guard, report: report => ports.guard.report({ ...report, pause_until: undefined }) },
    }),
  },
  {
    name: 'Retry-After is ignored',
    ports: answering(answer => (answer.ok ? answer : { ...answer, retry_after_ms: undefined })),
  },
  {
    name: 'an attempt is spent by a deferral',
    ports: requeueing((next, { attempt }) => ({ ...next, attempt })),
  },
  {
    name: 'what an earlier attempt has reached is forgotten',
    ports: requeueing(next => ({ ...next, reached: false })),
  },
  { name: 'a crash in company is counted', ports: reclaiming(seen => ({ ...seen, alone: true })) },
  { name: 'a crash alone is not counted', ports: reclaiming(seen => ({ ...seen, alone: undefined })) },
  { name: 'a retry does not wait', ports: requeueing(next => ({ ...next, not_before: 0 })) },
  {
    name: 'what is put back does not wait',
    ports: ports => ({
      ...ports,
      queue: { ...ports.queue, send: (queue, message) => ports.queue.send(queue, { ...message, delay_seconds: 0 }) },
    }),
  },
  {
    name: 'given back by who has the claim no more',
    command: withoutClauses(
      'requests',
      ['attempt = :attempt', 'claim_id = :claim'],
      values => values[':left'] !== undefined,
    ),
    ports: givingBackTwice,
  },
  { name: 'one attempt too many', ports: attempting(1) },
  { name: 'given up with an attempt left', ports: attempting(-1) },
  {
    name: 'a success is taken for a failure, and called for again',
    ports: answering(answer =>
      answer.ok ? { ok: false, code: 'model_error', status: 503, message: 'it failed', reached: true } : answer,
    ),
  },
  {
    name: 'an output of a batch is given to its neighbour',
    ports: answeringBatches((answer, outputs) =>
      answer.ok && outputs ? { ok: true, answer: { outputs: [...outputs.slice(1), ...outputs.slice(0, 1)] } } : answer,
    ),
  },
  {
    name: 'the failure of a batch is taken for that of each',
    ports: answeringBatches((answer, _, size) =>
      answer.ok ? answer : { ok: true, answer: { outputs: Array.from({ length: size }, () => ({ error: 'no' })) } },
    ),
  },
]

/** A store whose states look different to those who read them. */
function seeing(look: (state: GuardState) => GuardState): (store: GuardStore) => GuardStore {
  return store => ({
    read: async model => {
      const state = await store.read(model)
      return state && look(state)
    },
    write: async (model, next) => {
      const stored = await store.write(model, next)
      return stored.writer === next.writer ? stored : look(stored)
    },
  })
}

/** A store in which a process sees, of some field, only what it wrote itself. */
function seeingOwn(field: 'calls' | 'failures'): (store: GuardStore) => GuardStore {
  return store => {
    let own: Pick<GuardState, 'calls' | 'failures'> = { calls: [], failures: [] }
    const { read, write } = seeing(state => ({ ...state, [field]: own[field] }))(store)
    return {
      read,
      write: async (model, next) => {
        const stored = await write(model, next)
        if (stored.writer === next.writer) own = next
        return stored
      },
    }
  }
}

function believing(store: GuardStore): GuardStore {
  let known: GuardState | undefined
  return {
    read: async model => {
      known ??= await store.read(model)
      return known
    },
    write: async (model, next) => {
      known = await store.write(model, next)
      return known
    },
  }
}

type PortsChange = (ports: Ports) => Ports
type Requeue = Parameters<Ports['items']['requeue']>

function requeueing(change: (next: Requeue[1], claimed: Requeue[0]) => Requeue[1]): PortsChange {
  return ports => ({
    ...ports,
    items: { ...ports.items, requeue: (claimed, next) => ports.items.requeue(claimed, change(next, claimed)) },
  })
}

function reclaiming(change: (seen: RequestItem) => RequestItem): PortsChange {
  return ports => ({
    ...ports,
    items: { ...ports.items, reclaim: (seen, terms) => ports.items.reclaim(change(seen), terms) },
  })
}

/** As an SDK does whose first try had no answer. */
function givingBackTwice(ports: Ports): Ports {
  return {
    ...ports,
    items: {
      ...ports.items,
      requeue: async (claimed, next) => {
        const requeued = await ports.items.requeue(claimed, next)
        void ports
          .sleep(next.not_before - ports.clock())
          .then(() => ports.items.requeue(claimed, next))
          .catch(ignored)
        return requeued
      },
    },
  }
}

function attempting(more: number): PortsChange {
  return ({ settings, ...ports }) => ({
    ...ports,
    settings: { ...settings, retry: { ...settings.retry, attempts: Math.max(1, settings.retry.attempts + more) } },
  })
}

function answering(change: (answer: ModelAnswer, body: unknown) => ModelAnswer): PortsChange {
  return ports => ({
    ...ports,
    endpoint: {
      ...ports.endpoint,
      call: async (requestId, body) => change(await ports.endpoint.call(requestId, body), body),
    },
  })
}

function answeringBatches(
  change: (answer: ModelAnswer, outputs: readonly unknown[] | undefined, size: number) => ModelAnswer,
): PortsChange {
  return answering((answer, body) => {
    const size = (body as { inputs?: unknown[] }).inputs?.length ?? 0
    if (size < 2) return answer
    return change(answer, answer.ok ? (answer.answer as { outputs: unknown[] }).outputs : undefined, size)
  })
}

/** The hint of a turn stays with its message for ever, and is not over at any time. */
function usingTurnsAgain(ports: Ports): Ports {
  const turns = new Map<string, number | undefined>()
  return {
    ...ports,
    items: {
      ...ports.items,
      claim: (message, terms) => {
        turns.set(message.request_id, message.hints?.turn)
        return ports.items.claim(message, terms)
      },
    },
    queue: {
      ...ports.queue,
      send: (queue, message) => {
        const { data } = InferenceMessage.safeParse(message.body)
        const turn = data && (data.hints?.turn ?? turns.get(data.request_id))
        const body = turn === undefined ? message.body : { ...data, hints: { ...data?.hints, turn } }
        return ports.queue.send(queue, { ...message, body })
      },
    },
    guard: {
      ...ports.guard,
      isLate: () => false,
      permit: async ask =>
        ask.turn === undefined ? ports.guard.permit(ask) : { granted: true, at: Math.max(ask.turn, ports.clock()) },
    },
  }
}
