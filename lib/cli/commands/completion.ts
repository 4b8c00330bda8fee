import { Argument, type Command } from 'commander'
import type { Answer } from '../answer.ts'
import type { Shell } from '../completion.ts'

/** Adds the command `sluice completion bash|zsh|fish`. It needs no system. */
export function addCompletion(program: Command, { finish }: { finish(answer: Answer): void }): void {
  program
    .command('completion')
    .description('print a script that completes the commands of sluice in a shell: eval "$(sluice completion bash)"')
    .addArgument(new Argument('<shell>', 'the shell that runs the script').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: Shell) => {
      const { completionScript } = await import('../completion.ts')
      const lines = completionScript(program, shell)
      finish({ json: { shell, script: lines.join('\n') }, lines })
    })
}
