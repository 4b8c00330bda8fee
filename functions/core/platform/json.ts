/**
 * Parses JSON that Sluice has stored. What is no JSON throws an error that quotes nothing: the engine's own quotes the text,
 * which may be a prompt or a result, and errors are logged.
 */
export function parseStored(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`what is stored is not JSON: a text of ${text.length} characters`)
  }
}
