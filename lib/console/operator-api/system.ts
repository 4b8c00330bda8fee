import type { Admin } from '../../cli/admin.ts'

/** The system that a console operates. */
export interface System {
  readonly admin: Admin
  readonly target: 'local' | 'aws'
  /** The name of the stack. */
  readonly name: string
  readonly version: string
}
