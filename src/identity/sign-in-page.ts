import { escapeHtml, type Page, page } from './pages.ts';

/** Words of the page, in the languages of the dashboard. */
const WORDS = {
  en: {
    title: 'Sign in',
    lead: 'Chip Quality Platform',
    username: 'Username',
    password: 'Password',
    submit: 'Sign in',
    refused: 'Username or password is not right. Check both and try again.',
    locked: 'Too many failed tries with this name. Wait {minutes} min, then try again; boards are inspected meanwhile.',
    crowded: 'Too many tries to sign in from this network. Wait a minute, then try again; boards are inspected meanwhile.',
    missing: 'Enter a username and a password.',
    demo: 'Accounts of this demo',
    demoHint: 'The passwords are in demo-credentials.json in the data directory.',
    name: 'Post',
    expired: 'This sign-in was not finished in time, or cookies are blocked. Begin again from the dashboard.',
    back: 'To the dashboard',
  },
  de: {
    title: 'Anmelden',
    lead: 'Chip Quality Platform',
    username: 'Benutzername',
    password: 'Passwort',
    submit: 'Anmelden',
    refused: 'Benutzername oder Passwort stimmt nicht. Bitte beides prüfen und noch einmal versuchen.',
    locked: 'Zu viele Fehlversuche mit diesem Namen. Bitte {minutes} min warten; geprüft wird währenddessen weiter.',
    crowded: 'Zu viele Anmeldeversuche aus diesem Netz. Bitte eine Minute warten; geprüft wird währenddessen weiter.',
    missing: 'Bitte Benutzername und Passwort eingeben.',
    demo: 'Konten dieser Vorführung',
    demoHint: 'Die Passwörter stehen in demo-credentials.json im Datenverzeichnis.',
    name: 'Stelle',
    expired: 'Diese Anmeldung wurde nicht rechtzeitig beendet, oder Cookies sind gesperrt. Bitte von vorn beginnen.',
    back: 'Zur Übersicht',
  },
} as const;
export type Language = keyof typeof WORDS;

/** The first language of `ui_locales` or `Accept-Language` that there is; English otherwise. */
export function languageOf(wanted: string | undefined): Language {
  for (const part of (wanted ?? '').toLowerCase().split(/[\s,]+/)) {
    const code = part.slice(0, 2);
    if (code === 'en' || code === 'de') return code;
  }
  return 'en';
}

export interface SignInView {
  language: Language;
  /** Where the form goes: the address of this sign-in. */
  action: string;
  issuer: string;
  username?: string;
  fault?: { kind: 'refused' | 'missing' | 'crowded' } | { kind: 'locked'; seconds: number };
  demo: readonly { username: string; name: string }[];
}

function faultText(view: SignInView): string {
  const words = WORDS[view.language];
  if (!view.fault) return '';
  const text =
    view.fault.kind === 'locked' ? words.locked.replace('{minutes}', String(Math.ceil(view.fault.seconds / 60))) : words[view.fault.kind];
  return `<p class="fault" id="fault" role="alert">${text}</p>\n`;
}

/** Works without a script; the field that comes next has the focus; a fault is read out and belongs to both fields. */
export function signInPage(view: SignInView): Page {
  const words = WORDS[view.language];
  const known = view.username !== undefined && view.username !== '';
  const described = view.fault ? ' aria-describedby="fault" aria-invalid="true"' : '';
  const rows = view.demo.map(({ username, name }) => `<tr><td>${escapeHtml(username)}</td><td>${escapeHtml(name)}</td></tr>`).join('\n');
  const demo =
    rows === ''
      ? ''
      : `<details>
<summary>${words.demo}</summary>
<table>
<thead><tr><th scope="col">${words.username}</th><th scope="col">${words.name}</th></tr></thead>
<tbody>
${rows}
</tbody>
</table>
<p>${words.demoHint}</p>
</details>`;
  return page(
    words.title,
    `<h1>${words.title}</h1>
<p>${words.lead}</p>
${faultText(view)}<form method="post" action="${escapeHtml(view.action)}">
<label for="username">${words.username}</label>
<input id="username" name="username" value="${escapeHtml(view.username ?? '')}" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="128" required${known ? '' : ' autofocus'}${described}>
<label for="password">${words.password}</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="256" required${known ? ' autofocus' : ''}${described}>
<button type="submit">${words.submit}</button>
</form>
${demo}`,
    { language: view.language, issuer: view.issuer },
  );
}

export function expiredPage(language: Language): Page {
  const words = WORDS[language];
  return page(
    words.title,
    `<h1>${words.title}</h1>\n<p class="fault" role="alert">${words.expired}</p>\n<a class="button" href="/">${words.back}</a>`,
    { language },
  );
}
