import { MAX_SIZE, tooLarge } from './prepare.ts'

type ExitHook = (expression: unknown, input: unknown, environment: unknown, result: unknown) => void

/**
 * Bounds how large texts and lists become in this thread, which must do nothing else than evaluate: a single huge one would
 * end not the thread but the process. Whatever makes of little much in JSONata joins texts (`$join`, `$pad`, pictures) or
 * writes JSON (`$string`, `&`), so those are JavaScript's own here and can't be replaced in the language; what doubles
 * itself step by step (`&`, `$append`, `$replace`) is seen by the hook that is returned.
 */
export function boundSizes(): ExitHook {
  boundJoin()
  boundStringify()
  return (_expression, _input, _environment, result) => {
    if ((typeof result === 'string' || Array.isArray(result)) && result.length > MAX_SIZE) throw tooLarge()
  }
}

function boundJoin(): void {
  const { join } = Array.prototype
  Array.prototype.join = function (this: unknown[], separator = ',') {
    let size = (this.length - 1) * String(separator).length
    for (let index = 0; index < this.length && size <= MAX_SIZE; index++) {
      const item = this[index]
      if (typeof item === 'string') size += item.length
    }
    if (size > MAX_SIZE) throw tooLarge()
    return join.call(this, separator)
  }
}

type Replacer = (this: unknown, key: string, value: unknown) => unknown

function boundStringify(): void {
  const { stringify } = JSON
  JSON.stringify = (value: unknown, replacer?: unknown, space?: string | number) => {
    const replace: Replacer = typeof replacer === 'function' ? (replacer as Replacer) : (_key, part) => part
    let size = 0
    function count(this: unknown, key: string, part: unknown): unknown {
      const kept = replace.call(this, key, part)
      size += key.length + 1 + (typeof kept === 'string' ? kept.length : 1)
      if (size > MAX_SIZE) throw tooLarge()
      return kept
    }
    return stringify(value, count, space)
  }
}
