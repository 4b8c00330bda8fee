import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { main } from '../../../lib/cli/main.ts'
import { dataFolder, pipelineFile, projectFolder } from '../../../lib/cli/project.ts'

const project = mkdtempSync(join(tmpdir(), 'sluice-project-'))
const below = join(project, 'a', 'b')
mkdirSync(below, { recursive: true })
writeFileSync(join(project, 'pipeline.yaml'), 'name: [')
afterAll(() => rmSync(project, { recursive: true }))

describe('the command line in a folder below the project’s', () => {
  it('the command line finds pipeline.yaml and the data folder of the project', () => {
    expect(projectFolder(below)).toBe(project)
    expect(pipelineFile({ env: {}, cwd: below })).toBe('../../pipeline.yaml')
    expect(dataFolder({ env: {}, cwd: below })).toBe('../../.sluice')
  })

  it('the command line prefers the paths that environment variables name', () => {
    expect(pipelineFile({ env: { SLUICE_CONFIG: 'mine.yaml' }, cwd: below })).toBe('mine.yaml')
    expect(dataFolder({ env: { SLUICE_DATA: 'data' }, cwd: below })).toBe('data')
  })

  it('the command line uses the usual file names if there is no project', () => {
    const nowhere = mkdtempSync(join(tmpdir(), 'sluice-nowhere-'))
    expect(pipelineFile({ env: {}, cwd: nowhere })).toBe('pipeline.yaml')
    rmSync(nowhere, { recursive: true })
  })

  it('the command line uses the paths of the project in its commands', async () => {
    let err = ''
    const code = await main(['models', 'list'], {
      env: {},
      cwd: below,
      out: () => undefined,
      err: text => {
        err += text
      },
    })
    expect(code).toBe(1)
    expect(err).toContain('no local system runs with the data folder ../../.sluice')
  })
})
