import { isDeepStrictEqual } from 'node:util'
import type { Provider } from '../../lib/config/providers/index.ts'
import { callerOf } from '../support/provider.ts'
import { type Peer, startLiteLlm } from './litellm.ts'

// `npm run peers` calls LiteLLM's proxy, a real server of another project, with Sluice's profiles for OpenAI and Anthropic (see README.md in this folder).

interface Case {
  readonly provider: Provider
  readonly model: string
  /** The expected result or, for a failed call, the expected verdict: `retry` or `drop`. */
  readonly expected: unknown
}

const HELLO = { text: 'Hello from the peer', finish_reason: 'stop' }
const CASES: readonly Case[] = [
  { provider: 'openai', model: 'peer', expected: HELLO },
  { provider: 'openai', model: 'busy', expected: 'retry' },
  { provider: 'openai', model: 'broken', expected: 'retry' },
  { provider: 'openai', model: 'long', expected: 'drop' },
  { provider: 'openai', model: 'missing', expected: 'drop' },
  { provider: 'anthropic', model: 'peer', expected: { ...HELLO, finish_reason: 'end_turn' } },
  { provider: 'anthropic', model: 'busy', expected: 'retry' },
  { provider: 'anthropic', model: 'broken', expected: 'retry' },
  { provider: 'anthropic', model: 'long', expected: 'drop' },
]

async function outcomeOf({ url }: Peer, { provider, model }: Case): Promise<{ outcome: unknown; told: string }> {
  const caller = callerOf(provider, { url, auth: { secret: 'PEER_KEY' } }, { model })
  const judged = await caller.call({ prompt: 'Hello', parameters: { max_tokens: 16 } })
  if (!judged.ok) return { outcome: judged.verdict, told: `${judged.message}: ${judged.detail ?? 'no detail'}` }
  const { result, usage } = await caller.read(judged.answer)
  return { outcome: result, told: `usage ${JSON.stringify(usage)}` }
}

const peer = await startLiteLlm(process.env.LITELLM ?? 'litellm').catch((error: Error) => {
  process.stderr.write(
    `${error.message}. Install it with: pip install 'litellm[proxy]==1.83.14', or set LITELLM to its command\n`,
  )
  process.exit(2)
})
let failed = 0
try {
  for (const one of CASES) {
    const { outcome, told } = await outcomeOf(peer, one)
    const isRight = isDeepStrictEqual(outcome, one.expected)
    if (!isRight) failed++
    process.stdout.write(
      `${isRight ? 'ok' : 'WRONG'}  ${one.provider} ${one.model}: ${JSON.stringify(outcome)} (${told})\n`,
    )
  }
} finally {
  await peer.stop()
}
process.stdout.write(`${CASES.length - failed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
