import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { freePort } from '../../src/platform/ports.ts';
import { PlatformClient } from '../../src/simulator/client.ts';
import { OUTSIDE_CLIENT, type OutsideOptions, type OutsideProvider, startOutsideProvider } from '../support/outside-provider.ts';
import { type RunningPlatform, startPlatform } from '../support/platform.ts';
import { CHROMIUM, changeSession, hasChromium, isFault, launch, signOut } from './browser.ts';

if (!hasChromium()) {
  if (process.env.CI === 'true') throw new Error(`no ${CHROMIUM}: signing in elsewhere cannot be tested (apt-get install chromium)`);
  console.log(`left out: signing in with an outside provider, because there is no ${CHROMIUM} (apt-get install chromium)`);
}
const BROWSER = { skip: !hasChromium(), timeout: 240_000 };

interface Plant {
  provider: OutsideProvider;
  platform: RunningPlatform;
  page: Page;
  faults: string[];
  /** Answers the pages of the provider: who signs in, and that the dashboard may know. */
  signIn(name: string): Promise<void>;
}

/** A platform whose accounts another provider has, with one inspection, and a browser that has not signed in. */
async function openPlant(t: TestContext, options: Omit<OutsideOptions, 'dashboard'>, more: Record<string, string> = {}): Promise<Plant> {
  const PORT = String(await freePort());
  const provider = await startOutsideProvider({ ...options, dashboard: `http://localhost:${PORT}` });
  t.after(() => provider.stop());
  const environment = { PORT, OIDC_ISSUER: provider.issuer, OIDC_AUDIENCE: options.audience, OIDC_CLIENT_ID: OUTSIDE_CLIENT, ...more };
  const platform = await startPlatform(t, { environment });
  const station = new PlatformClient({ url: platform.url, tokenEndpoint: provider.tokenEndpoint, client: provider.station });
  await station.send('POST', '/v1/inspections', { lot_id: 'LOT-2026-009', chip_id: 'OUTSIDE-1', inspection_type: 'electrical' });
  const browser = await launch();
  t.after(() => browser.close());
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en', reducedMotion: 'reduce' });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  // The pages of the provider ask the world for a letter face.
  page.on('console', (message) => isFault(message) && message.location().url.startsWith(platform.url) && faults.push(message.text()));
  return {
    provider,
    platform,
    page,
    faults,
    async signIn(name) {
      await page.locator('input[name="login"]').fill(name);
      await page.locator('input[name="password"]').fill('any');
      await page.locator('button[type="submit"]').click();
      await page.getByRole('button', { name: 'Continue' }).click();
    },
  };
}

const board = (page: Page) => page.getByText('OUTSIDE-1').first().waitFor({ timeout: 60_000 });

/** As if the access token had been given long ago, and ended then or in so many seconds. */
const age = (page: Page, seconds = -1) => changeSession(page, { expires_at: Math.floor(Date.now() / 1000) + seconds });

test('a person of an outside provider signs in there, stays signed in, signs out there, and is out', BROWSER, async (t) => {
  const { provider, platform, page, faults, signIn } = await openPlant(t, {
    audience: 'chip-quality-platform',
    named: 'by itself',
    refresh: true,
    endSession: true,
  });
  const shown = await page.goto(`${platform.url}/inspections?chip_id=OUTSIDE-1`);
  const policy = shown?.headers()['content-security-policy'] ?? '';
  assert.match(policy, new RegExp(`connect-src 'self' ws: wss: ${provider.issuer};`));
  await signIn('ada');
  await board(page);
  assert.equal(new URL(page.url()).search, '?chip_id=OUTSIDE-1', 'back where the person wanted to be');
  assert.equal(await page.locator('.menu-button').innerText(), 'ada ▾');
  await page.locator('.live-mark', { hasText: 'Live' }).waitFor();
  const { params } = provider.asked.find(({ route }) => route === 'authorization') ?? assert.fail();
  assert.deepEqual([params.client_id, params.scope, params.resource], [OUTSIDE_CLIENT, 'openid profile', undefined]);

  await age(page);
  await page.reload();
  await board(page);
  const renewals = () => provider.asked.filter(({ params }) => params.grant_type === 'refresh_token').length;
  assert.equal(renewals(), 1);
  await age(page, 45);
  const renewed = page.waitForResponse(`${provider.issuer}/token`);
  await page.reload();
  await renewed;
  assert.equal(renewals(), 2, 'before it ends');
  assert.deepEqual(faults, []);

  await signOut(page);
  await page.getByRole('button', { name: 'Yes, sign me out' }).click();
  await page.waitForURL(`${platform.url}/`);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.locator('input[name="login"]').waitFor();
});

const NAMED = { audience: 'urn:plant:quality', named: 'by resource' } as const;

test('where the audience has to be named it is, at each token; a token that says too little is told as refused', BROWSER, async (t) => {
  const options = { ...NAMED, refresh: true, endSession: true };
  const { provider, platform, page, signIn } = await openPlant(t, options, { OIDC_AUDIENCE_PARAMETER: 'resource', OIDC_SCOPE: 'openid' });
  await page.goto(platform.url);
  await signIn('nobody');
  await page.getByRole('alert').getByText('does not accept this sign-in').waitFor();
  const tokens = provider.asked.filter(({ params }) => params.client_id === OUTSIDE_CLIENT);
  assert.deepEqual(
    tokens.map(({ params }) => [params.scope, params.grant_type, params.resource]),
    [
      ['openid', undefined, NAMED.audience],
      [undefined, 'authorization_code', NAMED.audience],
      [undefined, 'refresh_token', NAMED.audience],
    ],
  );
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await page.getByRole('button', { name: 'Yes, sign me out' }).click();
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await signIn('ada');
  await page.locator('nav a[aria-current="page"]').waitFor();
});

test(
  'without refresh tokens and an end of session a refused person is not sent round, others come back, and who leaves is asked again',
  BROWSER,
  async (t) => {
    const options = { audience: 'chip-quality-platform', named: 'by itself', refresh: false, endSession: false } as const;
    const { provider, platform, page, faults, signIn } = await openPlant(t, options);
    const codes = () => provider.asked.filter(({ params }) => params.grant_type === 'authorization_code').length;
    await page.goto(`${platform.url}/inspections?chip_id=OUTSIDE-1`);
    await signIn('nobody');
    await page.getByRole('alert').getByText('does not accept this sign-in').waitFor();
    assert.equal(codes(), 1);
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.getByText('You are signed out').waitFor();
    faults.length = 0;

    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await signIn('ada');
    await page.goto(`${platform.url}/inspections?chip_id=OUTSIDE-1`);
    await board(page);
    await age(page);
    await page.reload();
    await board(page);
    assert.equal(codes(), 3, 'the provider knew the person still');
    assert.deepEqual(faults, []);

    await signOut(page);
    await page.getByText('You are signed out').waitFor();
    assert.equal(new URL(page.url()).origin, platform.url);
    await page.reload();
    await page.getByText('You are signed out').waitFor();
  },
);
