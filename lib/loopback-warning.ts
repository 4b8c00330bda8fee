import { Annotations, type IAspect } from 'aws-cdk-lib'
import { isLoopback } from './config/addresses.ts'
import { Model } from './constructs/model.ts'

/** For apps that are to be deployed: models at an address that is right for `npm start` alone get a warning. */
export const loopbackWarning: IAspect = {
  visit(node) {
    if (!(node instanceof Model)) return
    for (const url of node.urls) {
      if (!isLoopback(url)) continue
      // A query may hold a secret.
      const warning = `models.${node.name} is called at ${url.split('?')[0]}: deployed, that is the worker itself, where nothing answers.`
      Annotations.of(node).addWarningV2('sluice:loopback', warning)
    }
  },
}
