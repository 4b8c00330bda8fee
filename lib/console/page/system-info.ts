/** The answer of `GET /system`. */
export interface SystemInfo {
  readonly target: 'local' | 'aws'
  readonly name: string
  readonly version: string
  readonly api_url?: string
  readonly window: string
  readonly plans: readonly string[]
  readonly models: readonly string[]
}
