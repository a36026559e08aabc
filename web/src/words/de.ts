import { models } from './de/models.ts';
import { pages } from './de/pages.ts';
import { terms } from './de/terms.ts';
import type { Words } from './en.ts';

export const de: Words = { ...terms, ...pages, ...models };
