import model from 'wink-eng-lite-web-model'
import winkNlp, {
  type Detail,
  type Document,
  type ItemSentence,
  type ItemToken,
  type SentenceImportance,
} from 'wink-nlp'

/** The demo model's result for a text, and the number of tokens that it read and wrote. */
export interface Analysis {
  result: {
    summary: string
    sentiment: { score: number; label: 'positive' | 'neutral' | 'negative' }
    entities: { text: string; type: string }[]
    keywords: string[]
  }
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number }
}

const { readDoc, its } = winkNlp(model, ['sbd', 'pos', 'ner', 'negation', 'sentiment'])
const MAX_KEYWORDS = 10
const MAX_ENTITIES = 50
const KEYWORD_CLASSES = new Set(['NOUN', 'PROPN', 'ADJ'])
// The time that wink-nlp needs grows with the square of a token's length. So long tokens are split. The call stack of wink-nlp grows with the number of
// sentences, and would overflow. So a long text is analysed in parts of 20,000 characters.
const LONG_TOKEN = /\S{200}(?=\S)/gu
const PART = /.{1,20000}(?:\s|$)|.{1,20000}/gsu

/** Analyses an English text. The summary has the most important sentences in their order, and at most `maxTokens` tokens. */
export function analyse(text: string, maxTokens: number): Analysis {
  const parts = (text.replace(LONG_TOKEN, '$& ').match(PART) ?? []).map(part => readDoc(part))
  const { summary, tokens } = summarise(parts.flatMap(rankedSentences), maxTokens)
  const read = sum(parts.map(tokenCount))
  return {
    result: { summary, sentiment: sentiment(parts), entities: entities(parts), keywords: keywords(parts) },
    usage: { prompt_tokens: read, completion_tokens: tokens, total_tokens: read + tokens },
  }
}

function sentiment(parts: Document[]): Analysis['result']['sentiment'] {
  const weighted = sum(parts.map(part => Number(part.out(its.sentiment)) * tokenCount(part)))
  const score = Number((weighted / Math.max(1, sum(parts.map(tokenCount)))).toFixed(3))
  return { score, label: score > 0 ? 'positive' : score < 0 ? 'negative' : 'neutral' }
}

function entities(parts: Document[]): Analysis['result']['entities'] {
  return parts
    .flatMap(part => part.entities().out(its.detail) as Detail[])
    .slice(0, MAX_ENTITIES)
    .map(({ value, type }) => ({ text: value, type }))
}

function keywords(parts: Document[]): string[] {
  const counts = new Map<string, number>()
  const count = (token: ItemToken) => {
    if (!KEYWORD_CLASSES.has(token.out(its.pos)) || token.out(its.stopWordFlag)) return
    const word = token.out(its.normal)
    counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  for (const part of parts) part.tokens().each(count)
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, MAX_KEYWORDS)
    .map(([word]) => word)
}

interface RankedSentence {
  sentence: ItemSentence
  importance: number
}

function rankedSentences(part: Document): RankedSentence[] {
  const ranks = part.out(its.sentenceWiseImportance) as unknown as SentenceImportance[]
  return ranks.map(({ index, importance }) => ({ sentence: part.sentences().itemAt(index), importance }))
}

function summarise(sentences: RankedSentence[], maxTokens: number): { summary: string; tokens: number } {
  const ranked = sentences.toSorted((a, b) => b.importance - a.importance)
  const chosen = new Set<RankedSentence>()
  let tokens = 0
  for (const candidate of ranked) {
    const length = candidate.sentence.tokens().length()
    if (tokens + length > maxTokens) continue
    chosen.add(candidate)
    tokens += length
  }
  const [best] = ranked
  if (best !== undefined && chosen.size === 0) return beginning(best.sentence, maxTokens)
  const inOrder = sentences.filter(sentence => chosen.has(sentence))
  return { summary: inOrder.map(({ sentence }) => sentence.out()).join(' '), tokens }
}

// Returns the beginning of a sentence, with `maxTokens` tokens. It is the summary if no whole sentence is short enough.
function beginning(sentence: ItemSentence, maxTokens: number): { summary: string; tokens: number } {
  const texts = sentence.tokens().out().slice(0, maxTokens)
  const spaces = sentence.tokens().out(its.precedingSpaces)
  const summary = texts.map((text, index) => (spaces[index] ?? '') + text).join('')
  return { summary: summary.trim(), tokens: texts.length }
}

function tokenCount(part: Document): number {
  return part.tokens().length()
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
