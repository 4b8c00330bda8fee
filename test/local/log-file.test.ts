import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { lineSplitter, openLogFile } from '../../lib/local/lambda/log-file.ts'
import { isMetric, troubleIn } from '../../lib/local/lambda/log-line.ts'
import { temporaryFolder } from './fixtures/template.ts'

const linesOf = (file: string) => readFileSync(file, 'utf8').split('\n').slice(0, -1)

describe('openLogFile', () => {
  it('appends lines, also to a file of an earlier start', () => {
    const file = join(temporaryFolder(), 'x.log')
    for (const line of ['one', 'two']) {
      const log = openLogFile(file)
      log.append(line)
      log.close()
    }

    expect(linesOf(file)).toEqual(['one', 'two'])
  })

  it('moves the lines of a full file to another file, and keeps one such file', () => {
    const file = join(temporaryFolder(), 'x.log')
    const log = openLogFile(file, 10)
    for (const line of ['aaaa', 'bbbb', 'cccc', 'dddd', 'eeee']) log.append(line)
    log.close()

    expect(linesOf(file)).toEqual(['eeee'])
    expect(linesOf(`${file}.1`)).toEqual(['cccc', 'dddd'])
  })

  it('keeps working if its folder is deleted', () => {
    const folder = join(temporaryFolder(), 'logs')
    mkdirSync(folder)
    const file = join(folder, 'x.log')
    const log = openLogFile(file, 10)
    log.append('aaaaaaaa')
    rmSync(folder, { recursive: true })
    for (const line of ['bbbbbbbb', 'cccccccc']) log.append(line)
    log.close()

    expect(linesOf(file)).toEqual(['cccccccc'])
  })

  it('keeps a line that is larger than a whole file may be', () => {
    const file = join(temporaryFolder(), 'x.log')
    const log = openLogFile(file, 10)
    log.append('x'.repeat(20))
    log.close()

    expect(linesOf(file)).toEqual(['x'.repeat(20)])
  })

  it('ignores a line that comes after the file was closed', () => {
    const file = join(temporaryFolder(), 'x.log')
    const log = openLogFile(file)
    log.close()
    log.append('late')
    log.close()

    expect(linesOf(file)).toEqual([])
  })
})

describe('lineSplitter', () => {
  it('passes whole lines on, wherever the pieces are cut', () => {
    const lines: string[] = []
    const write = lineSplitter(line => lines.push(line))
    for (const chunk of ['on', 'e\ntw', 'o\n', '\nthree\nfo']) write(chunk)

    expect(lines).toEqual(['one', 'two', '', 'three'])
  })
})

describe('troubleIn', () => {
  it('reads level, message and cause of a warning and of an error, and nothing else', () => {
    const error = { name: 'Unavailable', message: 'the ledger is unavailable', stack: 'secret' }

    expect(troubleIn(JSON.stringify({ level: 'ERROR', message: 'it failed', prompt: 'secret', error }))).toEqual({
      level: 'ERROR',
      message: 'it failed',
      cause: 'the ledger is unavailable',
    })
    expect(troubleIn(JSON.stringify({ level: 'WARN', message: 'it is strange', error: 'text' }))).toEqual({
      level: 'WARN',
      message: 'it is strange',
      cause: undefined,
    })
  })

  it.each(['lasts', 'ends'] as const)('reads whether a state %s, and the topic of the state', state => {
    const line = JSON.stringify({ level: 'WARN', message: 'the circuit', trouble: state, trouble_of: 'circuit' })

    expect(troubleIn(line)).toMatchObject({ level: 'WARN', state, topic: 'circuit' })
  })

  it.each(['plain ERROR text', '{"level":"INFO","message":"an \\"ERROR\\" is quoted"}', '{"level":"ERROR",', '[]', ''])(
    'finds nothing in %j',
    line => {
      expect(troubleIn(line)).toBeUndefined()
    },
  )
})

it('isMetric distinguishes a metric from a log line', () => {
  expect(isMetric('{"_aws":{"Timestamp":1}}')).toBe(true)
  expect(isMetric('{"level":"INFO","message":"_aws"}')).toBe(false)
})
