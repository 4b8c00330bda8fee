import { samplesIn } from '../../functions/core/platform/metrics/emf.ts'
import { addSamples } from '../../functions/core/platform/metrics/families.ts'
import { createRegistry, type Registry } from '../../functions/core/platform/metrics/registry.ts'
import type { Observer, QueueState } from '../local/observer.ts'
import { parseJson } from '../local/parse-json.ts'
import { LOCAL_FAMILIES } from './local-families.ts'

/** The metrics of the local system since its start. */
export interface LocalMetrics {
  readonly registry: Registry
  /** Counts the events of the local system. */
  readonly observer: Observer
  /** Sets the metrics of the queues to their present state. Call this before the metrics are read or exported. */
  note(queues: readonly QueueState[]): void
}

export function createLocalMetrics(clock: () => number): LocalMetrics {
  const registry = createRegistry(clock)
  return {
    registry,
    observer: {
      metrics(line) {
        const parsed = parseJson(line)
        if (isObject(parsed)) addSamples(registry, samplesIn(parsed))
      },
      invoked({ service, ok, throttled }) {
        // A throttled event did not reach the function. As in Lambda, it counts neither as an invocation nor as an error.
        if (throttled) return
        registry.add(LOCAL_FAMILIES.invocations, { service }, [1])
        // A success adds 0, so that the series exists from the first invocation. Then Prometheus can see the first failure as an increase.
        registry.add(LOCAL_FAMILIES.errors, { service }, [ok ? 0 : 1])
      },
      answered: status => registry.add(LOCAL_FAMILIES.answers, { status: String(status) }, [1]),
      received: (queue, messages) => registry.add(LOCAL_FAMILIES.received, { queue }, [messages]),
    },
    note(queues) {
      const now = clock()
      for (const { name, waiting, oldest_sent_at, ageless = false } of queues) {
        registry.add(LOCAL_FAMILIES.waiting, { queue: name }, [waiting])
        if (ageless) continue
        const age = oldest_sent_at === undefined ? 0 : Math.max(0, now - oldest_sent_at) / 1_000
        registry.add(LOCAL_FAMILIES.oldest, { queue: name }, [age])
      }
    },
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
