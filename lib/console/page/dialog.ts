import { html } from 'htm/preact'
import { type ComponentChildren, createContext, type VNode } from 'preact'
import { useContext, useEffect, useRef, useState } from 'preact/hooks'
import type { CallError } from './api.ts'

/** An action that needs confirmation. */
export interface Question {
  readonly title: string
  readonly text: ComponentChildren
  /** The text of the button that confirms the action. */
  readonly action: string
  readonly isDangerous?: boolean
  /** Performs the action, and resolves to a sentence about the result. */
  act(): Promise<string>
}

interface Asking {
  /** Opens a dialog. */
  ask(question: Question): void
  /** Shows a sentence, also to a screen reader. */
  say(sentence: string): void
}

const AskingContext = createContext<Asking>({ ask: () => {}, say: () => {} })
export const useAsking = (): Asking => useContext(AskingContext)

/** Shows its children, the open dialog, and the sentence about the last action. All views in it can open a dialog with `useAsking`. */
export function Dialogs({ children }: { children: ComponentChildren }): VNode {
  const [question, setQuestion] = useState<Question>()
  const [said, setSaid] = useState('')
  const close = (sentence?: string) => {
    setQuestion(undefined)
    if (sentence !== undefined) setSaid(sentence)
  }
  return html`<${AskingContext.Provider} value=${{ ask: setQuestion, say: setSaid }}>
    ${children}
    <div class="said" role="status">${
      said && html`<span>${said}</span><button type="button" class="quiet" onClick=${() => setSaid('')}>Close</button>`
    }</div>
    ${question && html`<${Dialog} question=${question} onEnd=${close} />`}
  </${AskingContext.Provider}>`
}

function Dialog({ question, onEnd }: { question: Question; onEnd(sentence?: string): void }): VNode {
  const dialog = useRef<HTMLDialogElement>(null)
  const [state, setState] = useState<{ readonly isBusy: boolean; readonly problem?: string }>({ isBusy: false })
  useEffect(() => dialog.current?.showModal(), [])
  const act = async () => {
    setState({ isBusy: true })
    try {
      onEnd(await question.act())
    } catch (error) {
      setState({ isBusy: false, problem: (error as CallError).message })
    }
  }
  return html`<dialog ref=${dialog} aria-labelledby="question" onClose=${() => onEnd()}>
    <h2 id="question">${question.title}</h2>
    <div>${question.text}</div>
    ${state.problem && html`<p class="problem" role="alert">${state.problem}</p>`}
    <div class="buttons">
      <button type="button" autofocus onClick=${() => onEnd()}>Cancel</button>
      <button type="button" class=${question.isDangerous ? 'danger' : 'primary'} disabled=${state.isBusy} onClick=${act}>
        ${question.action}
      </button>
    </div>
  </dialog>`
}
