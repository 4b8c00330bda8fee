import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { ModelView } from '../../cli/operations/models.ts'
import { plural, time } from './format.ts'
import { Badge, type Tone } from './ui.ts'

interface State {
  readonly tone: Tone
  readonly name: string
  /** A sentence about the reason of the state, or about its end. */
  readonly meaning?: string
}

/** Returns the state to show for a model. If its calls are deferred, the state is the most serious reason. Otherwise, it says whether calls fail. */
export function stateOf({ halted, circuit, paused_until, rate_limit }: ModelView): State {
  if (halted)
    return {
      tone: 'bad',
      name: 'halted',
      meaning: `Since ${time(halted.since)}. Tried again at ${time(halted.next_probe)}. ${halted.reason}`,
    }
  const whose = circuit.open_for_users === undefined ? '' : ` for ${plural(circuit.open_for_users, 'user')}`
  if (circuit.state === 'open')
    return {
      tone: 'bad',
      name: `circuit open${whose}`,
      ...(circuit.until && { meaning: `Tried again at ${time(circuit.until)}.` }),
    }
  if (circuit.state === 'half_open')
    return { tone: 'warn', name: `circuit half open${whose}`, meaning: 'One call tries the model.' }
  if (paused_until)
    return { tone: 'warn', name: 'paused', meaning: `The model asked for no calls until ${time(paused_until)}.` }
  if (rate_limit?.line_until)
    return {
      tone: 'warn',
      name: 'rate limited',
      meaning: `Requests wait for a slot until about ${time(rate_limit.line_until)}.`,
    }
  if (circuit.failures > 0)
    return { tone: 'warn', name: 'failing', meaning: `${plural(circuit.failures, 'recent call')} failed.` }
  return { tone: 'good', name: 'ready' }
}

export function ModelState({ view }: { view: ModelView }): VNode {
  const { tone, name, meaning } = stateOf(view)
  return html`<${Badge} tone=${tone}>${name}</${Badge}>${meaning && html`<div class="muted small">${meaning}</div>`}`
}
