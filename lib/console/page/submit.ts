import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { UserUsage } from '../../cli/operations/list-users.ts'
import type { Posted } from '../../cli/operations/post-request.ts'
import { type CallError, call } from './api.ts'
import { useLive } from './live.ts'
import { linkTo } from './router.ts'
import type { SystemInfo } from './system-info.ts'
import { Badge, Heading, Problem } from './ui.ts'

interface Answer {
  readonly submitted?: Posted
  readonly problem?: string
  readonly isBusy: boolean
}

/** Shows a form that posts a request through the API, as a user. */
export function SubmitView({ system }: { system: SystemInfo }): VNode {
  const [{ submitted, problem, isBusy }, setAnswer] = useState<Answer>({ isBusy: false })
  const { data } = useLive<{ users: readonly UserUsage[] }>('/users')
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    setAnswer({ isBusy: true })
    try {
      setAnswer({ isBusy: false, submitted: await call<Posted>('/requests', { body: bodyOf(form) }) })
    } catch (error) {
      setAnswer({ isBusy: false, problem: (error as CallError).message })
    }
  }
  return html`
    <${Heading}>Submit a request</${Heading}>
    <p class="muted">The request goes through the API as the user’s own. The plan and the quota of the user apply.</p>
    <form class="card form" onSubmit=${submit}>
      <label>User <input name="user" list="users" required defaultValue=${data?.users[0]?.user ?? ''} spellcheck=${false} /></label>
      <datalist id="users">${data?.users.map(({ user }) => html`<option value=${user}></option>`)}</datalist>
      <label>Model <select name="model"><option value="">as routing decides</option>${system.models.map(name => html`<option>${name}</option>`)}</select></label>
      <label>Priority <select name="priority"><option>normal</option><option>high</option></select></label>
      <label>max_tokens <input name="max_tokens" type="number" min="0" step="1" placeholder="no bound" /></label>
      <label class="wide">Prompt <textarea name="prompt" rows="6" required></textarea></label>
      <div class="buttons wide"><button type="submit" class="primary" disabled=${isBusy}>${isBusy ? 'Submitting…' : 'Submit'}</button></div>
    </form>
    <div aria-live="polite">
      <${Problem}>${problem}</${Problem}>
      ${submitted && html`<${Outcome} submitted=${submitted} />`}
    </div>`
}

function bodyOf(form: FormData): object {
  const text = (name: string) => String(form.get(name) ?? '').trim()
  const maxTokens = text('max_tokens')
  return {
    user: text('user'),
    body: {
      prompt: String(form.get('prompt') ?? ''),
      priority: text('priority'),
      ...(text('model') !== '' && { model: text('model') }),
      ...(maxTokens !== '' && { parameters: { max_tokens: Number(maxTokens) } }),
    },
  }
}

function Outcome({ submitted: { status, body } }: { submitted: Posted }): VNode {
  const id = typeof body === 'object' && body !== null && 'request_id' in body ? String(body.request_id) : undefined
  return html`<section class="card">
    <h2>The API answered <${Badge} tone=${status < 300 ? 'good' : 'bad'}>${status}</${Badge}></h2>
    ${id !== undefined && html`<p><a class="button" href=${linkTo(`requests/${id}`)}>Follow the request</a></p>`}
    <pre tabindex="0" role="region" aria-label="Answer">${JSON.stringify(body, null, 2)}</pre>
  </section>`
}
