/**
 * The longest text, in characters, that is looked for with JavaScript's own search. To look for such a text in 4 MB
 * takes at most 50 ms. With a text of twice this length, the search takes a second.
 */
const MAX_DIRECT_LENGTH = 200

type Split = (this: string, separator: string, limit?: number) => string[]

/**
 * Replaces searches for long texts in this thread by many short steps, so that the thread can be ended between two
 * steps. JavaScript's own search can take a minute if a client chooses both texts (many a's, and as many a's with a b
 * in the middle). Nothing can end a thread during such a search.
 */
export function boundSearches(): void {
  const { indexOf, startsWith } = String.prototype
  const split = String.prototype.split as Split

  String.prototype.indexOf = function (text: string, from = 0) {
    if (text.length <= MAX_DIRECT_LENGTH) return indexOf.call(this, text, from)
    const start = text.slice(0, MAX_DIRECT_LENGTH)
    let at = indexOf.call(this, start, from)
    while (at !== -1 && !startsWith.call(this, text, at)) at = indexOf.call(this, start, at + 1)
    return at
  }

  function splitInSteps(this: string, separator: string, limit?: number): string[] {
    // The separator may be a regular expression, although the type says string. Then JavaScript's own function is
    // called.
    if (typeof separator !== 'string' || separator.length <= MAX_DIRECT_LENGTH)
      return split.call(this, separator, limit)
    const parts: string[] = []
    let from = 0
    for (let at = this.indexOf(separator); at !== -1; at = this.indexOf(separator, from)) {
      parts.push(this.slice(from, at))
      from = at + separator.length
    }
    return [...parts, this.slice(from)].slice(0, limit)
  }
  String.prototype.split = splitInSteps as typeof String.prototype.split
}
