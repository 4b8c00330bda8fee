/** A stub that the next step fills. */
export const openApiDocument = () => ({ openapi: '3.1.0' })
