import type { OutsideSignIn } from '../contracts/identity.ts';

/**
 * Content security policies of the pages that are ours: scripts come from this host only and never from inside the page. Styles are set by the
 * component libraries at run time, which is why `'unsafe-inline'` stands with styles and nowhere else.
 */
const BASE = "base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'";
export const DOCS_POLICY = `default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; ${BASE}`;
/** ReDoc searches in a worker that it makes from a blob. */
export const REDOC_POLICY = `default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; ${BASE}`;

/** The dashboard talks to its own host, by HTTP and WebSocket, and to the provider that people sign in with. */
export function dashboardPolicy(connect: readonly string[]): string {
  const others = connect.length > 0 ? ` ${connect.join(' ')}` : '';
  return `default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' ws: wss:${others}; worker-src 'self' blob:; ${BASE}${others}`;
}

const asText = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** Tells the dashboard in the head of its page where people sign in. */
export function signInElement(outside: OutsideSignIn): string {
  return `<meta name="sign-in" content="${asText(JSON.stringify(outside)).replaceAll('"', '&quot;')}">`;
}

/** A page of words, for when there is nothing better to show. */
export function wordsPage(title: string, words: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${asText(title)}</title><h1>${asText(title)}</h1><p>${asText(words)}</p></html>`;
}

export const REDOC_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Chip Quality Manufacturing Platform</title>
</head>
<body>
<redoc spec-url="/api/v1/openapi.json"></redoc>
<script src="/api/v1/redoc/redoc.standalone.js"></script>
</body>
</html>
`;
