/** The shortest piece of a prompt that is masked. A shorter one is a word that may be in any sentence. */
const MIN_PIECE = 16
/** Any piece of the shortest length holds a whole block, wherever it begins. */
const BLOCK = MIN_PIECE / 2

/**
 * Masks every piece of the prompts that a text quotes. A model's error may quote its input, and a prompt must be in no log. The
 * text is short and the prompts may be long, so the prompts are read once, block by block.
 */
export function maskPrompts(text: string, prompts: Iterable<string>): string {
  const places = placesOfBlocks(text)
  const masked: [from: number, to: number][] = []
  for (const prompt of prompts)
    for (let at = 0; at + BLOCK <= prompt.length; at += BLOCK)
      for (const place of places.get(prompt.slice(at, at + BLOCK)) ?? []) {
        const piece = widest(text, place, prompt, at)
        if (piece[1] - piece[0] >= MIN_PIECE) masked.push(piece)
      }
  return without(text, masked)
}

function placesOfBlocks(text: string): ReadonlyMap<string, readonly number[]> {
  const places = new Map<string, number[]>()
  for (let at = 0; at + BLOCK <= text.length; at++) {
    const block = text.slice(at, at + BLOCK)
    const known = places.get(block)
    if (known) known.push(at)
    else places.set(block, [at])
  }
  return places
}

/** The longest piece around a block that the text and the prompt have in common. */
function widest(text: string, place: number, prompt: string, at: number): [from: number, to: number] {
  let before = 0
  while (before < Math.min(place, at) && text[place - before - 1] === prompt[at - before - 1]) before++
  let after = BLOCK
  while (place + after < text.length && at + after < prompt.length && text[place + after] === prompt[at + after])
    after++
  return [place - before, place + after]
}

function without(text: string, pieces: readonly [number, number][]): string {
  let kept = ''
  let end = 0
  for (const [from, to] of pieces.toSorted(([a], [b]) => a - b)) {
    if (from >= end) kept += `${text.slice(end, from)}…`
    end = Math.max(end, to)
  }
  return kept + text.slice(end)
}

/** A shorter text that is sent to a model may be a name, such as the model's own. */
const MIN_PROMPT_SENT = 64

/** The texts of a client's body: every one in it, but for the names that choose a model. */
export function* promptsIn(body: ReadonlyMap<string, unknown>): Generator<string> {
  for (const [name, value] of body) if (!NAMES.has(name)) yield* textsIn(value)
}
const NAMES = new Set(['model', 'model_type', 'priority'])

/** The same of what was sent for it, where the body is not at hand. */
export function* promptsSent(sent: unknown): Generator<string> {
  for (const text of textsIn(sent)) if (text.length >= MIN_PROMPT_SENT) yield text
}

function* textsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value
  else if (typeof value === 'object' && value !== null) for (const one of Object.values(value)) yield* textsIn(one)
}
