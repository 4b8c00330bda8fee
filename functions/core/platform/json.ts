/**
 * Parses JSON that Sluice has stored. If the text is not JSON, the error quotes none of it: the engine's own error would quote
 * a prompt or a result, and errors are logged.
 */
export function parseStored(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`a stored text of ${text.length} characters is not JSON`)
  }
}
