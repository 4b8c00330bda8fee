import db from 'dynalite/db/index.js'
import { minus, plus } from './numbers.ts'
import type { Item, Operand, Path, Section, Table, Value } from './types.ts'

const WRONG_TYPE = 'An operand in the update expression has an incorrect data type'
const WRONG_PATH = 'The document path provided in the update expression is invalid for update'
const MISSING = 'The provided expression refers to an attribute that does not exist in the item'
const WRONG_KEY = 'The update expression attempted to update the secondary index key to unsupported type'

/**
 * Makes a new item from an old item and the changes of an update expression. It copies only the maps and lists that change. It does not change the old
 * item, which other calls may be reading. If a change is not possible, throws the refusal with which dynalite, the emulator of DynamoDB, would answer.
 */
export function updated(old: Item, sections: readonly Section[], table: Table): Item {
  const target = writable(old)
  const values = new Map<Section, Value>()
  for (const section of sections) if (section.type === 'set') values.set(section, resolved(section.val, old))
  for (const section of sections) {
    const at = target.place(section.path)
    const existing = at.get()
    if (section.type === 'remove') at.remove()
    else if (section.type === 'set') {
      const value = values.get(section) ?? refuse(MISSING)
      refuseWrongKey(section.path, value, table)
      at.set(value)
    } else if (existing && existing[section.attrType] === undefined) refuse(WRONG_TYPE)
    else if (section.type === 'add') at.set(added(existing, section.val, section.attrType))
    else if (existing) {
      const left = without(existing, section.val, section.attrType)
      if (left) at.set(left)
      else at.remove()
    }
  }
  return target.item()
}

function refuse(message: string): never {
  throw db.validationError(message)
}

function resolved(operand: Operand, item: Item): Value {
  if (isPath(operand)) return (db.mapPath(operand, item) as Value | undefined) ?? refuse(MISSING)
  if (!('args' in operand)) return operand
  const [first = refuse(MISSING), second = refuse(MISSING)] = operand.args
  if (operand.type === 'function' && operand.name === 'if_not_exists')
    return (isPath(first) && (db.mapPath(first, item) as Value | undefined)) || resolved(second, item)
  const [a, b] = [resolved(first, item), resolved(second, item)]
  if (operand.type === 'function') return { L: [...(a.L ?? refuse(WRONG_TYPE)), ...(b.L ?? refuse(WRONG_TYPE))] }
  const calculate = operand.type === 'add' ? plus : minus
  return { N: calculate(a.N ?? refuse(WRONG_TYPE), b.N ?? refuse(WRONG_TYPE)) }
}

const isPath = (operand: Operand): operand is Path => Array.isArray(operand)

type SetType = 'SS' | 'NS' | 'BS'

function added(existing: Value | undefined, value: Value, type: 'N' | SetType): Value {
  if (type === 'N') return { N: plus(existing?.N ?? '0', value.N ?? '0') }
  const before = existing?.[type] ?? []
  return { [type]: [...before, ...(value[type] ?? []).filter(element => !before.includes(element))] }
}

/** Removes the elements of one set from another. Returns undefined if no element is left. */
function without(existing: Value, value: Value, type: 'N' | SetType): Value | undefined {
  if (type === 'N') return existing
  const left = existing[type]?.filter(element => !value[type]?.includes(element)) ?? []
  return left.length === 0 ? undefined : { [type]: left }
}

function refuseWrongKey([name, ...deeper]: Path, value: Value, table: Table): void {
  if (deeper.length > 0) return
  const indexes = [...(table.GlobalSecondaryIndexes ?? []), ...(table.LocalSecondaryIndexes ?? [])]
  if (!indexes.some(({ KeySchema }) => KeySchema.some(key => key.AttributeName === name))) return
  const definition = table.AttributeDefinitions.find(({ AttributeName }) => AttributeName === name)
  if (definition && value[definition.AttributeType] === undefined) refuse(WRONG_KEY)
}

interface Place {
  get(): Value | undefined
  set(value: Value): void
  remove(): void
}

/** Makes a writable copy of an item. A map or a list of the old item is copied when a path leads through it for the first time. */
function writable(old: Item): { place(path: Path): Place; item(): Item } {
  const root = { M: mapOf(old) }
  /** The maps and lists that are copies already, and so may be changed. */
  const own = new WeakSet<object>([root])
  const gappy = new Set<Value>()

  /** Finds the map or the list that contains the last step of a path. Copies all maps and lists on the path. */
  function parentOf(path: Path): Value {
    let current: Value = root
    for (const step of path.slice(0, -1)) {
      const child = childOf(current, step)
      if (!child) refuse(WRONG_PATH)
      if (own.has(child)) current = child
      else {
        const copy: Value = child.M ? { M: mapOf(child.M) } : child.L ? { L: [...child.L] } : child
        setChild(current, step, copy)
        own.add(copy)
        current = copy
      }
    }
    return current
  }

  return {
    place(path) {
      const parent = parentOf(path)
      const step = path.at(-1) ?? refuse(WRONG_PATH)
      if ((typeof step === 'number' ? parent.L : parent.M) === undefined) refuse(WRONG_PATH)
      return {
        get: () => childOf(parent, step),
        set(value) {
          if (typeof step === 'number' && step > (parent.L?.length ?? 0)) gappy.add(parent)
          setChild(parent, step, value)
        },
        remove() {
          if (typeof step === 'number') parent.L?.splice(step, 1)
          else delete parent.M?.[step]
        },
      }
    },
    item() {
      for (const parent of gappy) parent.L = parent.L?.filter(Boolean) ?? []
      return root.M
    },
  }
}

/** Copies a map. The copy has no prototype, so its attributes may have any names. */
const mapOf = (map: Item): Item => ({ __proto__: null, ...map }) as unknown as Item

const childOf = (parent: Value, step: string | number): Value | undefined =>
  typeof step === 'number' ? parent.L?.[step] : parent.M?.[step]

function setChild(parent: Value, step: string | number, value: Value): void {
  if (typeof step === 'number') {
    if (parent.L) parent.L[step] = value
  } else if (parent.M) parent.M[step] = value
}
