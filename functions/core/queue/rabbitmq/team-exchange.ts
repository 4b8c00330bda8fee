/**
 * The exchange that other systems of a team use: producers publish requests to it, and readers bind their own queues to
 * it for the answers. Its name and its keys are those of pipelines that existed before Sluice (docs/queues.md).
 */
export const TEAM_EXCHANGE = 'inference'
export const REQUESTS_KEY = 'requests'
export const RESPONSES_KEY = 'responses'
export const ERRORS_KEY = 'errors'
