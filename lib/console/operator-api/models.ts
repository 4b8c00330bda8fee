import * as z from 'zod'
import { listModels, resetModel } from '../../cli/operations/models.ts'
import { probeModel } from '../../cli/operations/probe-model.ts'
import { ModelParams, NO_BODY, NONE } from './fields.ts'
import { type Route, route } from './route.ts'

export const MODEL_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/models',
    does: 'Lists the models, each with the reasons that defer its calls, and the number of its waiting requests.',
    answers: '`{ "models": [ … ] }`: the entries of `sluice models list --json`.',
    params: NONE,
    query: NONE,
    body: NO_BODY,
    run: async ({ admin }) => ({ models: await listModels(admin) }),
  }),
  route({
    method: 'POST',
    path: '/models/{model}/reset',
    does: 'Ends the halt and the pause of a model, and closes its circuit.',
    answers: 'The document of `sluice models reset --json`.',
    params: ModelParams,
    query: NONE,
    body: NO_BODY,
    run: ({ admin }, { params }) => resetModel(admin, params.model),
  }),
  route({
    method: 'POST',
    path: '/models/{model}/probe',
    does: 'Calls a model once, and shows the answer and how Sluice judges it. The provider may bill the call.',
    answers: 'The document of `sluice models probe --json`.',
    params: ModelParams,
    query: NONE,
    body: z
      .strictObject({
        body: z.record(z.string(), z.unknown()).optional().describe('the body of `POST /v1/inference` for this call'),
      })
      .optional(),
    run: ({ admin }, { params, body }) => probeModel(admin, params.model, body?.body),
  }),
]
