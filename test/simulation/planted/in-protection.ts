import type { RequestItem } from '../../../functions/core/domain/item.ts'
import { InferenceMessage } from '../../../functions/core/domain/messages.ts'
import type { ModelStateStore } from '../../../functions/core/flow-control/port.ts'
import type { ModelState } from '../../../functions/core/flow-control/state.ts'
import type { Outputs } from '../../../functions/core/inference/batch.ts'
import type { ModelAnswer, ModelFailure } from '../../../functions/core/inference/port.ts'
import { failure } from '../../support/failures.ts'
import type { PlantedBug, Ports } from '../compose.ts'
import { ignored, withoutClauses } from './commands.ts'

/** Planted bugs in the protection of a model: in the state that its workers share, in retries, and in batches. */
export const IN_PROTECTION: readonly PlantedBug[] = [
  {
    name: 'a probe is allowed while another probe runs',
    modelStates: seeing(state => ({ ...state, probe: undefined })),
  },
  {
    name: 'a worker overwrites the state that other workers have written for the model',
    command: withoutClauses('models', ['version = :before']),
  },
  {
    name: "one user's failures open the circuit for all",
    modelStates: seeing(({ open_for: _, ...state }) => state),
  },
  {
    name: 'the success of another user closes no circuit and removes no failures',
    ports: ports => ({
      ...ports,
      flowControl: {
        ...ports.flowControl,
        report: report => ports.flowControl.report({ ...report, users: undefined }),
      },
    }),
  },
  { name: 'a halted call spends an attempt', ports: spendingAttempts },
  { name: 'a halt never ends', modelStates: haltedForEver },
  { name: 'a halted model is called', modelStates: seeing(({ halted: _, ...state }) => state) },
  {
    name: 'a model in a long pause gets calls that are no probes',
    modelStates: seeing(({ tried_until: _, ...state }) => state),
  },
  {
    name: 'two calls run at the same time although concurrency is 1',
    modelStates: seeing(({ leases: _, ...state }) => state),
  },
  {
    name: 'the lease of a call is not returned',
    ports: ports => ({
      ...ports,
      flowControl: {
        ...ports.flowControl,
        report: report => ports.flowControl.report({ ...report, lease: undefined }),
      },
    }),
  },
  { name: 'each worker has its own rate limit', modelStates: seeingOwn('calls') },
  { name: 'each worker counts its own failures', modelStates: seeingOwn('failures') },
  { name: 'a worker trusts an old state of the model', modelStates: trustingOldState },
  {
    name: 'a permit is never too old',
    ports: ports => ({ ...ports, flowControl: { ...ports.flowControl, isLate: () => false } }),
  },
  { name: 'a slot is used again and again', ports: usingSlotsAgain },
  {
    name: 'a probe that was not made is not reported',
    ports: ports => ({
      ...ports,
      flowControl: {
        ...ports.flowControl,
        report: async report =>
          report.findings === 'nothing' && report.pause_until === undefined
            ? { halted: false }
            : ports.flowControl.report(report),
      },
    }),
  },
  {
    name: 'a pause is not reported',
    ports: ports => ({
      ...ports,
      flowControl: {
        ...ports.flowControl,
        report: report => ports.flowControl.report({ ...report, pause_until: undefined }),
      },
    }),
  },
  {
    name: 'Retry-After is ignored',
    ports: answering(answer => (answer.ok ? answer : { ...answer, retry_after_ms: undefined })),
  },
  {
    name: 'a deferral uses up an attempt',
    ports: requeueing((next, { attempt }) => ({ ...next, attempt })),
  },
  {
    name: 'the worker forgets that an earlier attempt has reached the model',
    ports: requeueing(next => ({ ...next, reached: false })),
  },
  { name: 'a crash of a batch is counted', ports: reclaiming(seen => ({ ...seen, alone: true })) },
  { name: 'a crash of an isolated request is not counted', ports: reclaiming(seen => ({ ...seen, alone: undefined })) },
  { name: 'a retry does not wait', ports: requeueing(next => ({ ...next, not_before: 0 })) },
  {
    name: 'a deferred message does not wait',
    ports: ports => ({
      ...ports,
      queue: { ...ports.queue, send: (queue, message) => ports.queue.send(queue, { ...message, delay_seconds: 0 }) },
    }),
  },
  {
    name: 'a worker requeues a request although its claim has ended',
    command: withoutClauses(
      'requests',
      ['attempt = :attempt', 'claim_id = :claim'],
      values => values[':left'] !== undefined,
    ),
    ports: givingBackTwice,
  },
  { name: 'a request gets one attempt too many', ports: attempting(1) },
  { name: 'a request fails with an attempt left', ports: attempting(-1) },
  {
    name: 'a success is treated as a failure, and the model is called again',
    ports: answering(answer => (answer.ok ? failure({ status: 503, message: 'it failed' }) : answer)),
  },
  {
    name: 'a request of a batch gets the output of its neighbour',
    ports: answeringBatches(answer =>
      answer.ok ? { ok: true, outputs: [...answer.outputs.slice(1), ...answer.outputs.slice(0, 1)] } : answer,
    ),
  },
  {
    name: 'the failure of a batch is treated as a failure of each request',
    ports: answeringBatches((answer, size) =>
      answer.ok ? answer : { ok: true, outputs: Array.from({ length: size }, () => REFUSED_ELEMENT) },
    ),
  },
]

/** Changes the states that workers read from a store. */
function seeing(look: (state: ModelState) => ModelState): (store: ModelStateStore) => ModelStateStore {
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

/** A store that gives each process only its own values of one field. */
function seeingOwn(field: 'calls' | 'failures'): (store: ModelStateStore) => ModelStateStore {
  return store => {
    let own: Pick<ModelState, 'calls' | 'failures'> = { calls: [], failures: [] }
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

function trustingOldState(store: ModelStateStore): ModelStateStore {
  let known: ModelState | undefined
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

/** A store in which no write ends a halt. */
function haltedForEver(store: ModelStateStore): ModelStateStore {
  let halted: ModelState['halted']
  return {
    read: async model => {
      const state = await store.read(model)
      halted ??= state?.halted
      return state
    },
    write: async (model, next) => {
      halted ??= next.halted
      const stored = await store.write(model, halted ? { ...next, halted: next.halted ?? halted } : next)
      return stored.writer === next.writer ? next : stored
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

/** Counts an attempt for a call that the model answered with 401, which halts the model and must not count. */
function spendingAttempts(ports: Ports): Ports {
  const halted = new Set<string>()
  return {
    ...ports,
    endpoint: {
      ...ports.endpoint,
      call: async (requestId, body) => {
        const reply = await ports.endpoint.call(requestId, body)
        if (reply.kind === 'answered' && reply.status === 401 && requestId !== undefined) halted.add(requestId)
        return reply
      },
    },
    items: {
      ...ports.items,
      requeue: (claimed, next) =>
        ports.items.requeue(claimed, halted.has(claimed.request_id) ? { ...next, attempt: claimed.attempt } : next),
    },
  }
}

function reclaiming(change: (seen: RequestItem) => RequestItem): PortsChange {
  return ports => ({
    ...ports,
    items: { ...ports.items, reclaim: (seen, terms) => ports.items.reclaim(change(seen), terms) },
  })
}

/** Puts a request back to `queued` twice, as an SDK does if its first try got no answer. The second write comes when the backoff has passed. */
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

const REFUSED_ELEMENT: ModelFailure = failure({ verdict: 'drop', code: 'model_rejected' })

/** Changes the verdict about each call. */
function answering(change: (answer: ModelAnswer) => ModelAnswer): PortsChange {
  return ports => ({
    ...ports,
    judge: {
      call: async reply => change(await ports.judge.call(reply)),
      batch: async (reply, inputs) => {
        const outputs = await ports.judge.batch(reply, inputs)
        const changed = change(outputs.ok ? { ok: true, answer: outputs } : outputs)
        return changed.ok ? outputs : changed
      },
    },
  })
}

/** Changes the verdicts about calls for several requests. */
function answeringBatches(change: (outputs: Outputs, size: number) => Outputs): PortsChange {
  return ports => ({
    ...ports,
    judge: {
      ...ports.judge,
      batch: async (reply, size) => {
        const outputs = await ports.judge.batch(reply, size)
        return size < 2 ? outputs : change(outputs, size)
      },
    },
  })
}

/** Keeps the first slot of each request (the time at which the rate limit allows its call), and uses this slot for each of its calls. */
function usingSlotsAgain(ports: Ports): Ports {
  const slots = new Map<string, number | undefined>()
  return {
    ...ports,
    items: {
      ...ports.items,
      claim: (message, terms) => {
        slots.set(message.request_id, message.hints?.turn)
        return ports.items.claim(message, terms)
      },
    },
    queue: {
      ...ports.queue,
      send: (queue, message) => {
        const { data } = InferenceMessage.safeParse(message.body)
        const slot = data && (data.hints?.turn ?? slots.get(data.request_id))
        const body = slot === undefined ? message.body : { ...data, hints: { ...data?.hints, turn: slot } }
        return ports.queue.send(queue, { ...message, body })
      },
    },
    flowControl: {
      ...ports.flowControl,
      isLate: () => false,
      permit: async ask =>
        ask.slot === undefined
          ? ports.flowControl.permit(ask)
          : { granted: true, at: Math.max(ask.slot, ports.clock()) },
    },
  }
}
