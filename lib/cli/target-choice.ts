import type { Command } from 'commander'
import type { Clock, Sleep } from '../../functions/core/platform/clock.ts'
import type { Place } from './project.ts'

export interface TargetChoice {
  readonly target?: 'local' | 'aws' | undefined
  readonly stack?: string | undefined
}

/** The stack that is meant if none is named. */
export const DEFAULT_STACK = 'sluice'

/** What opening a target needs from the command line. `note` tells people why they wait. */
export interface Surroundings extends Place {
  readonly clock?: Clock | undefined
  readonly sleep?: Sleep | undefined
  note(line: string): void
}

/** Ends the command with a sentence if the options contradict each other. */
export function checkChoice(program: Command, { target, stack }: TargetChoice): void {
  if (stack !== undefined && target !== 'aws') program.error('error: --stack goes with --target aws')
}
