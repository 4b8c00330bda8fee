import type { Command } from 'commander'

export type Shell = 'bash' | 'zsh' | 'fish'

/** The words that may follow some commands: after `keys` come `create`, `list` and others. */
interface Completions {
  /** The names of the commands so far, without options: empty for the first word. */
  readonly path: string
  readonly words: readonly string[]
}

/** Prints a script that completes the commands and options of `sluice` in a shell. */
export function completionScript(program: Command, shell: Shell): string[] {
  const all = completionsOf(program, [], optionsOf(program))
  return SCRIPTS[shell](all).split('\n')
}

const optionsOf = (command: Command): string[] => command.options.flatMap(({ long }) => (long ? [long] : []))

function completionsOf(command: Command, path: readonly string[], common: readonly string[]): Completions[] {
  const names = command.commands.map(one => one.name())
  const choices = command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices)
  const own = path.length === 0 ? [] : optionsOf(command)
  const words = [...new Set([...names, ...choices, ...own, ...common, '--help'])]
  return [
    { path: path.join(' '), words },
    ...command.commands.flatMap(one => completionsOf(one, [...path, one.name()], common)),
  ]
}

const cases = (all: readonly Completions[]): string[] =>
  all.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`)

/** Returns a function of bash and zsh that prints the words after a path. It fails for a path that is no command. */
const wordsFunction = (all: readonly Completions[]): string => `_sluice_words() {
  local words
  case "$1" in
${cases(all).join('\n')}
    *) return 1 ;;
  esac
  echo "$words"
}`

// The scripts look for the commands in the typed line. They skip any other word, because it is an argument of a command.
const SCRIPTS: Readonly<Record<Shell, (all: readonly Completions[]) => string>> = {
  bash: all => `# Completes sluice in bash: eval "$(sluice completion bash)"
${wordsFunction(all)}
_sluice() {
  local path="" word next
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) continue ;; esac
    next="\${path:+$path }$word"
    _sluice_words "$next" >/dev/null && path="$next"
  done
  COMPREPLY=($(compgen -W "$(_sluice_words "$path")" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _sluice sluice`,
  zsh: all => `# Completes sluice in zsh: eval "$(sluice completion zsh)", after compinit
${wordsFunction(all)}
_sluice() {
  local so_far="" word next
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$word" in -*) continue ;; esac
    next="\${so_far:+$so_far }$word"
    _sluice_words "$next" >/dev/null && so_far="$next"
  done
  compadd -- \${=$(_sluice_words "$so_far")}
}
compdef _sluice sluice`,
  fish: all => `# Completes sluice in fish: sluice completion fish | source
function __sluice_at
  switch "$argv"
${all.map(({ path, words }) => `    case '${path}'; printf '%s\\n' ${words.join(' ')}`).join('\n')}
    case '*'; return 1
  end
end
function __sluice_words
  set -l path
  for word in (commandline -opc)[2..]
    string match -q -- '-*' $word; and continue
    set -l next $path $word
    __sluice_at $next >/dev/null; and set path $next
  end
  __sluice_at $path
end
complete -c sluice -a '(__sluice_words)'`,
}
