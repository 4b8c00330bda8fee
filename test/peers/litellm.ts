import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../support/free-port.ts'
import { SECRET } from '../support/provider.ts'

/** The models of LiteLLM's proxy, and their answers. The proxy gives these fixed answers itself, so no real model is needed. */
const MODELS = {
  peer: 'Hello from the peer',
  busy: 'litellm.RateLimitError',
  long: 'litellm.ContextWindowExceededError',
  broken: 'litellm.InternalServerError',
}

/** LiteLLM takes up to a minute to start on a small machine. */
const READY_WITHIN_MS = 180_000

export interface Peer {
  readonly url: string
  stop(): Promise<void>
}

/** Starts LiteLLM's proxy on a free port of this machine. Rejects if the command is missing, or if the proxy does not answer in time. */
export async function startLiteLlm(command: string): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-peers-'))
  const config = join(folder, 'litellm.json')
  writeFileSync(config, JSON.stringify(configuration()))
  const port = await freePort()
  const child = spawn(command, ['--config', config, '--host', '127.0.0.1', '--port', String(port)], {
    // Without this variable, LiteLLM would download prices of models.
    env: { ...process.env, LITELLM_LOCAL_MODEL_COST_MAP: 'True', LITELLM_TELEMETRY: 'False' },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const url = `http://127.0.0.1:${port}`
  const stop = () => end(child, folder)
  try {
    await Promise.race([isServing(url), failure(child)])
    return { url, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

const configuration = () => ({
  model_list: Object.entries(MODELS).map(([name, answer]) => ({
    model_name: name,
    litellm_params: { model: `openai/${name}`, api_key: 'none', mock_response: answer },
  })),
  litellm_settings: { num_retries: 0, telemetry: false },
  router_settings: { num_retries: 0, disable_cooldowns: true },
  general_settings: { master_key: SECRET },
})

async function isServing(url: string): Promise<void> {
  const until = Date.now() + READY_WITHIN_MS
  while (Date.now() < until) {
    const answer = await fetch(`${url}/health/liveliness`).catch(() => undefined)
    if (answer?.ok) return
    await pause(500)
  }
  throw new Error(`LiteLLM does not serve after ${READY_WITHIN_MS / 1000} s`)
}

async function failure(child: ChildProcess): Promise<never> {
  const [code] = await once(child, 'exit')
  throw new Error(`LiteLLM has ended with exit code ${code}`)
}

async function end(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
    const ended = once(child, 'exit')
    child.kill()
    await ended
  }
  rmSync(folder, { recursive: true })
}
