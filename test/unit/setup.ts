import { restoreClientsAfterFile } from '../support/mock-client.ts'

restoreClientsAfterFile()
