import { fileURLToPath } from 'node:url';
import { PROBLEMS } from '../src/contracts/problems.ts';
import { writeOrCheck } from './generated.ts';

const rows = Object.entries(PROBLEMS)
  .sort(([, one], [, other]) => one.status - other.status)
  .map(([code, problem]) => `| ${problem.status} | \`${code}\` | ${problem.title} | ${problem.message} |`);
const text = `# Errors

Made from \`src/contracts/problems.ts\`. Every error is \`application/problem+json\`: RFC 9457 members and
\`error: {code, message, details[], request_id, timestamp}\`. \`details[].field\` names the field as \`body -> lot_id\`.

| Status | Code | Title | Message |
|---|---|---|---|
${rows.join('\n')}
`;
await writeOrCheck(fileURLToPath(new URL('../docs/errors.md', import.meta.url)), text, 'tools/errors-doc.ts');
