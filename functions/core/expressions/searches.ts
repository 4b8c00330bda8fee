/** How long a text JavaScript may look for by itself: in 4 MB, that takes 50 ms at worst, and of twice the length a second. */
const LONGEST = 200

type Split = (this: string, separator: string, limit?: number) => string[]

/**
 * Makes searches for long texts of many short steps in this thread. JavaScript's own can take a minute where both texts are
 * a client's (many a's, and as many with a b in their midst), and nothing ends a thread in the midst of one.
 */
export function boundSearches(): void {
  const { indexOf, startsWith } = String.prototype
  const split = String.prototype.split as Split

  String.prototype.indexOf = function (text: string, from = 0) {
    if (text.length <= LONGEST) return indexOf.call(this, text, from)
    const start = text.slice(0, LONGEST)
    let at = indexOf.call(this, start, from)
    while (at !== -1 && !startsWith.call(this, text, at)) at = indexOf.call(this, start, at + 1)
    return at
  }

  function splitInSteps(this: string, separator: string, limit?: number): string[] {
    // A pattern is no string, whatever the type says, and passes through.
    if (typeof separator !== 'string' || separator.length <= LONGEST) return split.call(this, separator, limit)
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
