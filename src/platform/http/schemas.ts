import * as artifacts from '../../contracts/artifacts.ts';
import * as audit from '../../contracts/audit.ts';
import * as defects from '../../contracts/defects.ts';
import * as identity from '../../contracts/identity.ts';
import * as inference from '../../contracts/inference.ts';
import * as inspections from '../../contracts/inspections.ts';
import * as masterdata from '../../contracts/masterdata.ts';
import * as measurements from '../../contracts/measurements.ts';
import * as models from '../../contracts/models.ts';
import * as monitoring from '../../contracts/monitoring.ts';
import * as primitives from '../../contracts/primitives.ts';
import * as problems from '../../contracts/problems.ts';
import * as review from '../../contracts/review.ts';
import * as stations from '../../contracts/stations.ts';

const MODULES = [
  artifacts,
  audit,
  defects,
  identity,
  inference,
  inspections,
  masterdata,
  measurements,
  monitoring,
  models,
  primitives,
  problems,
  review,
  stations,
];

/** Every named shape of the contracts: registered once, so that `ref()` finds it and the OpenAPI document shows it once. */
export function contractSchemas(): (object & { $id: string })[] {
  const found = new Map<string, object & { $id: string }>();
  for (const module of MODULES)
    for (const value of Object.values(module) as unknown[])
      if (typeof value === 'object' && value !== null && '$id' in value && typeof value.$id === 'string')
        found.set(value.$id, value as object & { $id: string });
  return [...found.values()];
}
