import { plain, readingsOf } from './readings.ts'

/**
 * The shortest piece that is masked, in characters of the text. A shorter piece is not masked, because it may be a word
 * of any sentence.
 */
const MIN_PIECE = 16
/**
 * The length of a block, in characters of a prompt. A prompt is divided into blocks, and the text is searched for each
 * block. `MIN_PIECE` characters of a prompt contain a whole block, wherever they begin. So the search misses no piece
 * that has this length without its escapes.
 */
const BLOCK = MIN_PIECE / 2

/**
 * The most comparisons of characters. A usual error needs a few thousand. If a prompt and a text repeat one character,
 * they could need billions. Above this limit, the comparison stops, and the whole text is masked.
 */
const MAX_STEPS = 1_000_000

/** A short text on one line that may quote prompts, such as a model's error. The quotes are masked. */
export interface Mask {
  /**
   * Marks every piece of the prompt that the text quotes, so that `masked` hides it. The prompt must be `plain`. The text
   * may quote the prompt in another letter case, and with escapes.
   */
  cover(prompt: string): void
  /** Returns the text, with `…` in place of each piece that was covered. */
  masked(): string
}

/** Covers the pieces of prompts in several texts. Prompts may be long, so each prompt is read once for all texts. */
export function coverPrompts(masks: readonly Mask[], prompts: Iterable<string>): void {
  for (const prompt of prompts) {
    const compared = plain(prompt)
    for (const mask of masks) mask.cover(compared)
  }
}

/** Makes the mask of a text. A text from a model may quote the model's input, and no log may contain a prompt. */
export function createMask(text: string): Mask {
  const readings = readingsOf(text)
  const places = placesOfBlocks(readings.text)
  const covered = new Uint8Array(text.length)
  let steps = 0
  return {
    cover(prompt: string): void {
      for (let at = 0; at + BLOCK <= prompt.length && steps <= MAX_STEPS; at += BLOCK)
        for (const place of places.get(prompt.slice(at, at + BLOCK)) ?? []) {
          const [from, to] = widest(readings.text, place, prompt, at)
          steps += to - from
          const [begin = 0, end = 0] = [readings.from[from], readings.to[to - 1]]
          if (end - begin >= MIN_PIECE) covered.fill(1, begin, end)
        }
    },
    masked: () => (steps > MAX_STEPS ? '…' : without(text, covered)),
  }
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

/** Returns the longest common piece of the text and the prompt around a block. */
function widest(text: string, place: number, prompt: string, at: number): [from: number, to: number] {
  let before = 0
  while (before < Math.min(place, at) && text[place - before - 1] === prompt[at - before - 1]) before++
  let after = BLOCK
  while (place + after < text.length && at + after < prompt.length && text[place + after] === prompt[at + after])
    after++
  return [place - before, place + after]
}

function without(text: string, covered: Uint8Array): string {
  let kept = ''
  for (let at = 0; at < text.length; at++) {
    if (covered[at] === 0) kept += text[at]
    else if (covered[at - 1] !== 1) kept += '…'
  }
  return kept
}

/**
 * Yields all texts in a client's body, except the fields that choose a model or a priority. These fields are not a part
 * of the prompt.
 */
export function* promptsIn(body: ReadonlyMap<string, unknown>): Generator<string> {
  for (const [name, value] of body) if (!NAMES.has(name)) yield* textsIn(value)
}
const NAMES = new Set(['model', 'model_type', 'priority'])

/** Returns all texts in the body that was sent to the model, for a request whose own body is not available. */
export function promptsSent(sent: unknown): Iterable<string> {
  return typeof sent === 'object' && sent !== null ? promptsIn(new Map(Object.entries(sent))) : textsIn(sent)
}

function* textsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value
  else if (typeof value === 'object' && value !== null) for (const one of Object.values(value)) yield* textsIn(one)
}
