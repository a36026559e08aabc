/** Services that the gateway can stand before, and what each answers: `GET` stands for `HEAD` too. A flow test holds it to what they register. */
export const ADDRESSES = {
  inspection: [
    'GET /v1/artifacts/:id',
    'GET /v1/artifacts/:id/content',
    'POST /v1/defects/:id/review',
    'GET /v1/inspections',
    'POST /v1/inspections',
    'GET /v1/inspections/:id',
    'POST /v1/inspections/:id/artifacts',
    'POST /v1/inspections/:id/cancel',
    'POST /v1/inspections/:id/complete',
    'GET /v1/inspections/:id/defects',
    'POST /v1/inspections/:id/measurements',
    'POST /v1/inspections/:id/review',
    'POST /v1/inspections/:id/start',
    'POST /v1/inspections/batch',
    'GET /v1/lots',
    'GET /v1/lots/:lot_id',
    'PUT /v1/lots/:lot_id',
    'POST /v1/lots/:lot_id/hold',
    'POST /v1/lots/:lot_id/release',
    'GET /v1/policies',
    'GET /v1/products/:product/revisions',
    'GET /v1/products/:product/revisions/:revision',
    'PUT /v1/products/:product/revisions/:revision',
    'GET /v1/products/:product/revisions/:revision/template',
    'PUT /v1/products/:product/revisions/:revision/template',
    'POST /v1/repeated-looks/:id',
    'GET /v1/review-queue',
    'GET /v1/sites',
    'GET /v1/stations',
    'GET /v1/stations/:station_id/sequence',
    'GET /v1/units/:chip_id',
  ],
  inference: [
    'GET /v1/drift-alarms',
    'POST /v1/drift-alarms/:id/acknowledge',
    'POST /v1/inspections/:id/infer',
    'POST /v1/model-disagreements/:id',
    'GET /v1/models',
    'GET /v1/models/:name/agreement',
    'GET /v1/models/:name/comparison',
    'GET /v1/models/:name/confusion',
    'GET /v1/models/:name/disagreements',
    'GET /v1/models/:name/drift',
    'GET /v1/models/:name/quality',
    'GET /v1/models/:name/recipes',
    'POST /v1/models/:name/recipes',
    'POST /v1/models/:name/recipes/simulate',
    'POST /v1/models/:name/rollback',
    'GET /v1/models/:name/versions',
    'GET /v1/models/:name/versions/:version',
    'POST /v1/models/:name/versions/:version/stage',
    'GET /v1/operations/:id',
    'GET /v1/operations/:id/heat',
    'GET /v1/review-dataset',
    'GET /v2',
    'GET /v2/health/live',
    'GET /v2/health/ready',
    'GET /v2/models/:model',
    'POST /v2/models/:model/infer',
    'GET /v2/models/:model/ready',
    'GET /v2/models/:model/stats',
    'GET /v2/models/:model/versions/:version',
    'POST /v2/models/:model/versions/:version/infer',
    'GET /v2/models/:model/versions/:version/ready',
    'GET /v2/models/:model/versions/:version/stats',
    'GET /v2/models/stats',
    'POST /v2/repository/index',
    'POST /v2/repository/models/:model/load',
    'POST /v2/repository/models/:model/unload',
  ],
} as const satisfies Record<string, readonly `${string} /${string}`[]>;
export type ForwardedService = keyof typeof ADDRESSES;

/** Bodies that take as long as the client's line does. */
export const ARRIVES_SLOWLY: ReadonlySet<string> = new Set([
  'POST /v1/inspections/batch',
  'POST /v1/inspections/:id/artifacts',
  'PUT /v1/products/:product/revisions/:revision/template',
]);

/** Answers that may be asked to wait for what happens (`wait=20`). */
export const MAY_WAIT: ReadonlySet<string> = new Set(['GET /v1/inspections/:id']);

export function addressesOf(service: ForwardedService): { method: 'GET' | 'POST' | 'PUT' | 'DELETE'; url: string }[] {
  return ADDRESSES[service].map((address: string) => {
    const [method = 'GET', url = '/'] = address.split(' ');
    return { method: method as 'GET', url };
  });
}
