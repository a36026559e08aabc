import { fileURLToPath } from 'node:url';
import { MOST_DAYS } from '../src/config.ts';
import { SETTINGS } from '../src/settings.ts';
import { writeOrCheck } from './generated.ts';

const rows = Object.entries(SETTINGS).map(([name, setting]) => {
  const limits = 'oneOf' in setting ? ` One of ${setting.oneOf.join(', ')}.` : '';
  const fallback = setting.fallback === null ? '-' : setting.fallback === '' ? '(empty)' : `\`${setting.fallback.replaceAll('|', '\\|')}\``;
  return `| \`${name}\` | ${setting.kind} | ${fallback} | ${setting.what}.${limits} |`;
});
const long = Object.entries(SETTINGS).flatMap(([name, setting]) => ('long' in setting ? [`\`${name}\``] : []));
const text = `# Settings

Environment variables, made from \`src/settings.ts\`. A wrong value stops the start with every fault named at once.
A duration is \`500ms\`, \`20s\`, \`15m\`, \`1h\` (a bare number is seconds), a size \`1MiB\`;
a number is whole, a decimal may have a fraction. No duration is longer than ${MOST_DAYS.waited}d, but ${long.join(', ')}: ${MOST_DAYS.compared}d.

| Name | Kind | Default | What it does |
|---|---|---|---|
${rows.join('\n')}
`;
await writeOrCheck(fileURLToPath(new URL('../docs/settings.md', import.meta.url)), text, 'tools/settings-doc.ts');
