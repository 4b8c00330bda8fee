import { Annotations, type IAspect } from 'aws-cdk-lib'
import { isLoopback } from './config/addresses.ts'
import { Model } from './constructs/model.ts'

/**
 * Adds a warning to a deployment for each model with a loopback URL, such as http://127.0.0.1:8081. Such a URL works only with `npm start`.
 * In AWS, it would be the address of the worker itself.
 */
export const loopbackWarning: IAspect = {
  visit(node) {
    if (!(node instanceof Model)) return
    for (const url of node.urls) {
      if (!isLoopback(url)) continue
      // The warning leaves out the query, which may contain a secret.
      const warning = `models.${node.name} is called at ${url.split('?')[0]}: deployed, that is the worker itself, where nothing answers.`
      Annotations.of(node).addWarningV2('sluice:loopback', warning)
    }
  },
}
