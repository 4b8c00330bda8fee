import { Annotations, type IAspect } from 'aws-cdk-lib'
import { isLoopback } from './config/addresses.ts'
import { Model } from './constructs/model.ts'

/** Warns in a deployment of each model with a loopback URL, which works only with `npm start`. */
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
