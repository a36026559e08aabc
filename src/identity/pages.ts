import { createHash } from 'node:crypto';

export interface Page {
  html: string;
  /** Its own `content-security-policy`. */
  policy: string;
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (found) => ENTITIES[found] ?? '');

/** Calm grey as on the dashboard; contrast of text at least 7:1, of frames 3:1, in both schemes. */
const STYLE = `
:root{color-scheme:light dark;--ground:#eef0f2;--card:#fff;--ink:#1d2329;--quiet:#4b545d;--line:#7d8790;--act:#1f4e79;--on-act:#fff;--bad:#9b1c1c;--bad-ground:#fdf0ef}
@media (prefers-color-scheme:dark){:root{--ground:#14181c;--card:#1e2429;--ink:#eceff1;--quiet:#b4bcc4;--line:#808a94;--act:#9cc7ef;--on-act:#0d1b28;--bad:#ffb4ab;--bad-ground:#3a1d1b}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{width:100%;max-width:25rem;background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:2rem}
h1{margin:0 0 .25rem;font-size:1.375rem;line-height:1.25}
p{margin:0 0 1.25rem;color:var(--quiet)}
label{display:block;margin:0 0 .25rem;font-weight:600}
input{width:100%;height:2.75rem;margin:0 0 1rem;padding:0 .75rem;font:inherit;color:inherit;background:transparent;border:1px solid var(--line);border-radius:.25rem}
button,.button{display:block;width:100%;min-height:2.75rem;padding:.5rem 1rem;font:inherit;font-weight:600;text-align:center;text-decoration:none;color:var(--on-act);background:var(--act);border:0;border-radius:.25rem;cursor:pointer}
:focus-visible{outline:3px solid var(--act);outline-offset:2px}
.fault{padding:.75rem;color:var(--bad);background:var(--bad-ground);border:1px solid var(--bad);border-radius:.25rem}
details{margin-top:1.5rem;color:var(--quiet)}
summary{cursor:pointer;font-weight:600}
table{width:100%;margin-top:.5rem;border-collapse:collapse;font-size:.875rem}
th,td{padding:.25rem .5rem .25rem 0;text-align:left;vertical-align:top}
td:first-child{white-space:nowrap}
`;

const hashSource = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

export interface PageOptions {
  language?: string;
  /** Origin that a form may lead to beside the page's own: the issuer, when it was opened under another name. */
  issuer?: string;
  script?: string;
}

export function page(title: string, body: string, options: PageOptions = {}): Page {
  const { language = 'en', issuer = '', script } = options;
  return {
    html: `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${body}
</main>
${script === undefined ? '' : `<script>${script}</script>`}
</body>
</html>
`,
    policy: [
      "default-src 'none'",
      `style-src ${hashSource(STYLE)}`,
      script === undefined ? '' : `script-src ${hashSource(script)}`,
      `form-action 'self' ${issuer}`.trim(),
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ]
      .filter((part) => part !== '')
      .join('; '),
  };
}

const SUBMIT = "document.getElementById('op.logoutForm').submit()";

/** `form` is the provider's: hidden, with its proof against forged requests. From the dashboard itself no second click is asked. */
export function signOutPage(form: string, atOnce: boolean): Page {
  return page(
    'Sign out',
    `<h1>Sign out</h1>
<p>Your sign-in at the Chip Quality Platform ends on this device.</p>
${form}
<button type="submit" form="op.logoutForm" name="logout" value="yes" autofocus>Sign out</button>`,
    atOnce
      ? {
          script: `var f=document.getElementById('op.logoutForm'),i=document.createElement('input');i.type='hidden';i.name='logout';i.value='yes';f.appendChild(i);${SUBMIT}`,
        }
      : {},
  );
}

export const signedOutPage = (): Page =>
  page('Signed out', '<h1>Signed out</h1>\n<p>You are signed out.</p>\n<a class="button" href="/">To the dashboard</a>');

/** What went wrong between a client and the provider, in its own words. */
export const errorPage = (error: string, description: string | undefined): Page =>
  page(
    'Sign-in not possible',
    `<h1>Sign-in not possible</h1>
<p class="fault" role="alert">${escapeHtml(description ?? error)}</p>
<a class="button" href="/">To the dashboard</a>`,
  );
