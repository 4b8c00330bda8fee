import { benchAccept } from './accept.ts'
import { benchAdmission } from './admission.ts'
import { benchBundles } from './bundles.ts'
import { benchCalls } from './calls.ts'
import { startEngines } from './engines.ts'
import { benchMemory } from './memory.ts'
import { benchProtection } from './protection.ts'
import { benchTracing } from './tracing.ts'

const print = (text: string) => process.stdout.write(`${text}\n\n`)

const engines = await startEngines()
try {
  print(await benchCalls(engines))
  print(await benchProtection(engines))
  print(await benchAdmission(engines))
} finally {
  await engines.close()
}
print(await benchAccept())
print(await benchBundles())
print(await benchTracing())
print(await benchMemory())
