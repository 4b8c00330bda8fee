import * as z from 'zod'

/**
 * Makes the reader of a stored schema: it accepts fields that the schema does not have, at any depth, and keeps them.
 *
 * A schema of a message or an item is strict, and says what this version writes. This version may also read messages
 * and items of another version. The other version may even be newer, because CloudFormation updates functions in no
 * fixed order, and a deployment can be rolled back. So messages and items are read with a reader, and never with the
 * schema itself. Unknown fields are kept, so that they survive when a message is sent again or an item is replaced as a
 * whole.
 */
export function reading<Schema extends z.ZodType>(schema: Schema): z.ZodType<z.output<Schema>> {
  // A tolerant schema has the same output as the strict one, and also the unknown fields, which the type does not name.
  return tolerant(schema) as z.ZodType<z.output<Schema>>
}

function tolerant(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodObject) return tolerantObject(schema)
  if (schema instanceof z.ZodOptional) return z.optional(tolerant(schema.unwrap()))
  if (schema instanceof z.ZodDefault) return z._default(tolerant(schema.unwrap()), schema.def.defaultValue)
  if (schema instanceof z.ZodArray) return z.array(tolerant(unchecked(schema).element))
  if (schema instanceof z.ZodPipe) return z.pipe(tolerant(schema.def.in), schema.def.out)
  // A discriminated union becomes a plain union here. A value still matches only its own option, because the options of
  // a union differ in the values of their fields, or in the fields that they require.
  if (schema instanceof z.ZodUnion) return z.union(schema.options.map(tolerant))
  return schema
}

/**
 * Refuses a schema with a check of a whole object or list, because a reader would lose this check, and accept values
 * that the schema forbids.
 */
function unchecked<Schema extends z.ZodObject | z.ZodArray>(schema: Schema): Schema {
  if (schema.def.checks?.length) throw new Error('a stored schema checks single values, not a whole object or list')
  return schema
}

function tolerantObject(schema: z.ZodObject): z.ZodType {
  const fields = Object.entries(unchecked(schema).shape).map(([name, field]) => [name, tolerant(field)])
  return z.looseObject(Object.fromEntries(fields))
}
