import type { Command } from 'commander'
import type { Clock, Sleep } from '../../functions/core/platform/clock.ts'
import type { Place } from './project.ts'

export interface TargetChoice {
  readonly target?: 'local' | 'aws' | undefined
  readonly stack?: string | undefined
}

/** The name of the stack, if the command line does not name one. */
export const DEFAULT_STACK = 'sluice'

/** The parts of the command line that are needed to open a target. `note` tells people why they wait. */
export interface Surroundings extends Place {
  readonly clock?: Clock | undefined
  readonly sleep?: Sleep | undefined
  note(line: string): void
}

/** Ends the command with a sentence if the options contradict each other. */
export function checkChoice(program: Command, { target, stack }: TargetChoice): void {
  if (stack !== undefined && target !== 'aws') program.error('error: --stack goes with --target aws')
}

/** Ends a command of the local system with a sentence if the options name a stack. */
export function checkLocal(program: Command, command: string): void {
  if (program.opts<TargetChoice>().target === 'aws')
    program.error(`error: ${command} is a command for the local system, so it takes no --target aws`)
}
