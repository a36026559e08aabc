import i18next from 'i18next';
import { de } from './de.ts';
import { en } from './en.ts';

await i18next.init({
  lng: 'de',
  resources: { de: { translation: de }, en: { translation: en } },
  interpolation: { escapeValue: false },
  showSupportNotice: false,
} as Parameters<typeof i18next.init>[0]);

/** Both languages without a browser and without waiting, for tests: German, until another is chosen. */
export const spoken = i18next;
