import { Annotations, type IAspect } from 'aws-cdk-lib'
import { Model } from './constructs/model.ts'

/** Hosts that are this machine, as a parsed URL has them. */
const LOOPBACK = /^(?:127(?:\.\d+){3}|0\.0\.0\.0|\[::1?\]|(?:.*\.)?localhost)$/

/** For apps that are to be deployed: models at an address that is right for `npm start` alone get a warning. */
export const loopbackWarning: IAspect = {
  visit(node) {
    if (!(node instanceof Model)) return
    for (const url of node.urls) {
      if (!LOOPBACK.test(new URL(url).hostname)) continue
      const warning = `models.${node.name} is called at ${url}: deployed, that is the worker itself, where nothing answers.`
      Annotations.of(node).addWarningV2('sluice:loopback', warning)
    }
  },
}
