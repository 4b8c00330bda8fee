import type { Authorized } from './remember-keys.ts'

export interface AuthorizerPorts {
  readonly authorized: Authorized
}
