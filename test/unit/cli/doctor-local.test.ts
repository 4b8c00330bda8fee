import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openDataFolder } from '../../../lib/local/data-folder.ts'
import { writePipeline } from './doctor-pipelines.ts'
import { sluice } from './local-system.ts'

const NOW = '2026-11-27T12:00:00.000Z'

interface Check {
  readonly check: string
  readonly state: string
  readonly found: string
  readonly todo?: string
}

const newFolder = () => mkdtempSync(join(tmpdir(), 'sluice-doctor-'))

/** Runs doctor without a local system, and returns the results of its checks by name. */
async function doctor(env: Record<string, string> = {}, pipeline = writePipeline({})) {
  const settings = { SLUICE_CONFIG: pipeline, SLUICE_DATA: newFolder(), PORT: '0', ...env }
  const { code, out } = await sluice(settings, NOW, 'doctor', '--json')
  const { checks }: { checks: Check[] } = JSON.parse(out)
  return { code, ...Object.fromEntries(checks.map(({ check, ...rest }) => [check, rest])) }
}

describe('sluice doctor, before npm start', () => {
  it('`doctor` finds nothing wrong with an empty folder, and reports that nothing runs', async () => {
    expect(await doctor()).toMatchObject({
      code: 0,
      pipeline: { state: 'ok' },
      'data folder': { state: 'ok' },
      port: { state: 'ok' },
      system: { state: 'skipped', found: expect.stringContaining('start it with npm start') },
    })
  })

  it('`doctor` reports a port in use', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const Port = String((server.address() as AddressInfo).port)

    expect(await doctor({ PORT: Port })).toMatchObject({
      code: 1,
      port: { state: 'failed', found: expect.stringContaining(Port), todo: expect.stringContaining('PORT') },
    })
  })

  it('`doctor` reports a data folder that is in use, or was filled with another database', async () => {
    const used = newFolder()
    const open = openDataFolder(used)
    const filled = newFolder()
    const data = openDataFolder(filled)
    data.writeJson('database.json', { address: 'postgres://127.0.0.1/ledger' })
    data.close()

    expect(await doctor({ SLUICE_DATA: used })).toMatchObject({
      code: 1,
      'data folder': { state: 'failed', found: expect.stringContaining('is in use by another npm start') },
    })
    open.close()
    expect(await doctor({ SLUICE_DATA: filled })).toMatchObject({
      code: 1,
      'data folder': { state: 'failed', found: expect.stringContaining('set DATABASE_URL to that one') },
    })
  })

  it('`doctor` reports that the database can’t be reached, without its password', async () => {
    const found = await doctor({ DATABASE_URL: 'postgres://me:hunter2@127.0.0.1:1/ledger' })

    expect(found).toMatchObject({ code: 1, database: { state: 'failed' } })
    expect(JSON.stringify(found)).not.toContain('hunter2')
  })

  it('`doctor` names the missing variable of a secret', async () => {
    const pipeline = writePipeline({ secrets: ['prod/key', 'other'] })

    expect(await doctor({ OTHER: 'x' }, pipeline)).toMatchObject({
      code: 1,
      'secret prod/key': { state: 'failed', todo: 'set PROD_KEY to the key of the model' },
      'secret other': { state: 'ok' },
    })
  })

  it('`doctor` prints a row per check, and the number of failures on stderr', async () => {
    const env = { SLUICE_CONFIG: 'nowhere.yaml', SLUICE_DATA: newFolder(), PORT: '0' }

    const { code, out, err } = await sluice(env, NOW, 'doctor')

    expect({ code, err }).toEqual({ code: 1, err: 'error: 1 of 4 checks failed\n' })
    expect(out).toMatch(
      /^STATE +CHECK +FOUND\nfailed +pipeline +nowhere\.yaml:1:1: .*\n(?: .*\n)* .*correct the file; /,
    )
    const rows = out.split('\n').filter(line => /^[a-z]/.test(line))
    expect(rows.map(row => row.split(' ')[0])).toEqual(['failed', 'ok', 'ok', 'skipped'])
  })

  it('`doctor` accepts --stack only with --target aws', async () => {
    expect(await sluice({}, NOW, 'doctor', '--stack', 'x')).toMatchObject({ code: 2, out: '' })
  })
})
