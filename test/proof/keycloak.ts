import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { freePort } from '../../src/platform/ports.ts';
import { PlatformClient } from '../../src/simulator/client.ts';
import { commandOptions } from '../../tools/command-options.ts';
import { CHROMIUM, changeSession, hasChromium, isFault, launch, signOut } from '../browser/browser.ts';
import { startPlatform } from '../support/platform.ts';

const SCRIPT = fileURLToPath(new URL('../../tools/servers/keycloak/keycloak.sh', import.meta.url));
const PASSWORD = 'of-this-example-alone';
const USAGE = `usage: node test/proof/keycloak.ts [--help]

Runs the platform with Keycloak as its outside OpenID provider, and a browser: a station posts with a token from there, a person signs in, has the token
renewed, signs out and is asked again; an account without a role is told that it is refused. Each step prints a line; the first that fails ends it with 1.
Keycloak is what tools/servers/keycloak/keycloak.sh install fetched (Java 17, Maven); the browser is ${CHROMIUM}.`;

async function keycloak(what: 'install' | 'start' | 'stop', environment: Record<string, string>): Promise<void> {
  await promisify(execFile)(SCRIPT, [what], { env: { ...process.env, ...environment }, timeout: 600_000 });
}

async function signIn(page: Page, name: string): Promise<void> {
  await page.locator('input[name="username"]').fill(name);
  await page.locator('input[name="password"]').fill(PASSWORD);
  await page.locator('[type="submit"]').first().click();
}

async function prove(): Promise<void> {
  const [port, away] = [await freePort(), await freePort()];
  const environment = { KEYCLOAK_PORT: String(away), KEYCLOAK_DASHBOARD: `http://localhost:${port}` };
  const issuer = `http://127.0.0.1:${away}/realms/line`;
  const closers: (() => Promise<unknown>)[] = [];
  const step = (words: string) => console.log(`ok  ${words}`);
  try {
    await keycloak('install', environment);
    closers.push(() => keycloak('stop', environment));
    const began = performance.now();
    await keycloak('start', environment);
    step(`Keycloak serves ${issuer} after ${((performance.now() - began) / 1000).toFixed(0)} s`);
    const platform = await startPlatform(null, {
      environment: { PORT: String(port), OIDC_ISSUER: issuer, OIDC_CLIENT_ID: 'quality-dashboard', OIDC_SCOPE: 'openid' },
    });
    closers.push(() => platform.stop());
    const client = { client_id: 'ict-hh-1', client_secret: PASSWORD, site: 'hamburg' };
    const station = new PlatformClient({ url: platform.url, tokenEndpoint: `${issuer}/protocol/openid-connect/token`, client });
    const inspection = { lot_id: 'LOT-2026-009', chip_id: 'OUTSIDE-1', inspection_type: 'electrical' };
    const posted = (await station.send('POST', '/v1/inspections', inspection)) as { site: string; station_id: string };
    if (posted.site !== 'hamburg' || posted.station_id !== 'ICT-HH-1') throw new Error(`posted as ${JSON.stringify(posted)}`);
    step('a station posts with a token by client credentials; site and station are those of its token');

    const browser = await launch();
    closers.push(() => browser.close());
    const page = await (await browser.newContext({ locale: 'en', reducedMotion: 'reduce' })).newPage();
    page.setDefaultTimeout(60_000);
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => isFault(message) && message.location().url.startsWith(platform.url) && faults.push(message.text()));
    const list = `${platform.url}/inspections?chip_id=OUTSIDE-1`;
    await page.goto(list);
    await signIn(page, 'ada');
    await page.getByText('OUTSIDE-1').first().waitFor();
    await page.locator('.live-mark', { hasText: 'Live' }).waitFor();
    if (page.url() !== list) throw new Error(`came back to ${page.url()}`);
    const name = await page.locator('.menu-button').innerText();
    step(`a person signs in and comes back to the page that was asked for, live, as ${name.replace(/\W+$/, '')}`);

    await changeSession(page, { expires_at: 1 });
    const renewal = page.waitForResponse((response) => response.url().endsWith('/token') && response.request().method() === 'POST');
    await page.reload();
    if (!(await renewal).request().postData()?.includes('grant_type=refresh_token')) throw new Error('not renewed by the refresh token');
    await page.getByText('OUTSIDE-1').first().waitFor();
    step('an access token that has ended is renewed without a word');

    await signOut(page);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.locator('input[name="username"]').waitFor();
    if (faults.length > 0) throw new Error(faults.join('; '));
    step('signing out ends the session there: the next sign-in asks for the password');

    await signIn(page, 'nobody');
    await page.getByRole('alert').getByText('does not accept this sign-in').waitFor();
    step('an account without a role is told that the platform does not accept it');
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

if (commandOptions({ options: { help: { type: 'boolean', short: 'h' } } }).values.help) {
  console.log(USAGE);
} else if (!hasChromium()) {
  console.error(`no ${CHROMIUM} (Debian: apt-get install chromium)`);
  process.exitCode = 1;
} else await prove();
