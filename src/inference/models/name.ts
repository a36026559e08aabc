import { Type } from 'typebox';
import { isPrintable } from '../../contracts/lot-id.ts';
import { ProblemError } from '../../platform/problem.ts';

export const ModelParams = Type.Object({ name: Type.String({ maxLength: 200 }) });

/** The model of an address; what no model can be called is as unknown as one that is not there. @throws ProblemError not_found */
export function modelOf({ name }: { name: string }): string {
  if (!isPrintable(name)) throw new ProblemError('not_found');
  return name;
}
