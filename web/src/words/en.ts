import { models } from './en/models.ts';
import { pages } from './en/pages.ts';
import { terms } from './en/terms.ts';

/** Words of the trade, short. Every other language holds the same keys: a test and the type `Words` say so. */
export const en = { ...terms, ...pages, ...models };

type Same<T> = { [K in keyof T]: T[K] extends string ? string : Same<T[K]> };
export type Words = Same<typeof en>;
