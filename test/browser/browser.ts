import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, type ConsoleMessage, chromium, type Page } from 'playwright-core';

/** Debian's chromium, or the one that CHROMIUM names. */
export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const hasChromium = () => existsSync(CHROMIUM);

/** No sandbox: the tests run as root in containers, and open nothing but the platform that they started. */
export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}

export interface Person {
  username: string;
  password: string;
}

/** Opens `path` as `person`, through the real sign-in page. The session stays with the page. */
export async function signIn(context: BrowserContext, url: string, person: Person, path = '/'): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url + path);
  await page.locator('input[name="username"]').fill(person.username);
  await page.locator('input[name="password"]').fill(person.password);
  await page.locator('button[type="submit"]').click();
  await page.locator('nav a[aria-current="page"], main h1, .inspection-head').first().waitFor({ timeout: 60_000 });
  return page;
}

/** An error of a page, but for a platform that was busy: the page asks again, and the browser writes that down all the same. */
export const isFault = (message: ConsoleMessage): boolean => message.type() === 'error' && !/ status of 503 /.test(message.text());

/** Presses `key`, and takes it back as soon as `shown` is there; within the page, so that a test that stands still is not late for it. */
export function decideAndUndo(page: Page, key: string, shown: string): Promise<void> {
  return page.evaluate(
    async ([decide, there]) => {
      const press = (name: string) => window.dispatchEvent(new KeyboardEvent('keydown', { key: name }));
      press(decide as string);
      while (!document.querySelector(there as string)) await new Promise((resolve) => setTimeout(resolve, 10));
      press('z');
    },
    [key, shown],
  );
}

/** Writes over what the page has kept of its sign-in, such as the end of its token (`expires_at`, seconds since 1970). */
export function changeSession(page: Page, said: Readonly<Record<string, string | number>>): Promise<void> {
  return page.evaluate((now) => {
    const key = Object.keys(sessionStorage).find((name) => name.startsWith('oidc.user:')) ?? '';
    sessionStorage.setItem(key, JSON.stringify({ ...JSON.parse(sessionStorage.getItem(key) ?? '{}'), ...now }));
  }, said);
}

/** By the menu; what is asked before, or shown after it, is the caller's. */
export async function signOut(page: Page): Promise<void> {
  await page.locator('.menu-button').click();
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
}
