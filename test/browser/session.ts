import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { type RunningPlatform, startPlatform } from '../support/platform.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import { isFault, launch, type Person, signIn } from './browser.ts';

/** A platform without a demo, with the tiny model, and a person (a quality manager unless said otherwise) who looks at it in a browser. */
export interface Sitting {
  readonly platform: RunningPlatform;
  readonly context: BrowserContext;
  readonly page: Page;
  readonly person: Person & { site: string };
  /** A station of the person's site. */
  readonly station: ReturnType<RunningPlatform['station']>;
  /** What the pages threw or wrote as an error. */
  readonly faults: string[];
  /** An answer of the API, with the token of the person in the browser. */
  api<T>(path: string, method?: string, body?: unknown): Promise<T>;
  open(path: string): Promise<void>;
  until<T>(what: string, look: () => Promise<T | undefined | null | false>, ms?: number): Promise<T>;
  end(): Promise<void>;
}

/**
 * `later` writes models that a newer release of the platform brings: to a database that knows the tiny model, which goes on judging. `role` is that of
 * the person.
 */
export async function openSitting(
  environment: Record<string, string> = {},
  later?: (modelsDir: string) => Promise<unknown>,
  role = 'quality_manager',
): Promise<Sitting> {
  const ends: (() => Promise<void>)[] = [];
  try {
    return await sit(ends, environment, later, role);
  } catch (error) {
    // Else the platform goes on, and the test never ends.
    for (const one of ends) await one();
    throw error;
  }
}

async function sit(
  ends: (() => Promise<void>)[],
  environment: Record<string, string>,
  later: ((modelsDir: string) => Promise<unknown>) | undefined,
  role: string,
): Promise<Sitting> {
  const models = await mkdtemp(join(tmpdir(), 'cqp-models-'));
  ends.push(() => rm(models, { recursive: true, force: true }));
  await writeTinyModel(models);
  const options = { environment: { MODELS_DIR: models, DB_CONNECT_TIMEOUT: '10s', ...environment } };
  const ending = { after: (end: () => Promise<void>) => void ends.unshift(end) };
  let platform = await startPlatform(ending, options);
  if (later !== undefined) {
    await platform.stop();
    await later(models);
    platform = await startPlatform(ending, { ...options, dataDir: platform.dataDir });
  }
  const browser: Browser = await launch();
  ends.unshift(() => browser.close());
  const person = platform.credentials.users.find(({ roles }) => roles.includes(role)) as Person & { site: string };
  const client = platform.credentials.clients.find(({ site, station_id }) => site === person.site && station_id);
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en', reducedMotion: 'reduce' });
  const page = await signIn(context, platform.url, person);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => isFault(message) && faults.push(`${message.text()} ${message.location().url}`));
  return {
    platform,
    context,
    page,
    person,
    station: platform.station(client?.station_id),
    faults,
    api: <T>(path: string, method = 'GET', body?: unknown) =>
      page.evaluate(
        async ([address, how, sent]) => {
          const key = Object.keys(sessionStorage).find((name) => name.startsWith('oidc.user:')) ?? '';
          const { access_token } = JSON.parse(sessionStorage.getItem(key) ?? '{}') as { access_token: string };
          const ask = () =>
            fetch(address as string, {
              method: how as string,
              headers: { authorization: `Bearer ${access_token}`, ...(sent ? { 'content-type': 'application/json' } : {}) },
              ...(sent ? { body: sent } : {}),
            });
          let answer = await ask();
          // A read that found a busy platform is asked again, as the pages do.
          for (let tries = 0; how === 'GET' && answer.status === 503 && tries < 20; tries += 1) {
            await new Promise((resolve) => setTimeout(resolve, 500));
            answer = await ask();
          }
          if (!answer.ok) throw new Error(`${address} answered ${answer.status}: ${await answer.text()}`);
          return answer.json();
        },
        [path, method, body === undefined ? null : JSON.stringify(body)],
      ) as Promise<T>,
    async open(path) {
      await page.goto(platform.url + path);
      await page.locator('main h1').first().waitFor();
    },
    async until(what, look, ms = 60_000) {
      for (const end = Date.now() + ms; Date.now() < end; await page.waitForTimeout(250)) {
        const found = await look();
        if (found) return found;
      }
      throw new Error(`waited ${ms} ms for ${what}`);
    },
    async end() {
      for (const one of ends) await one();
    },
  };
}

/**
 * Waits until the page wears a scheme: halfway between two no colour has its contrast. The page learns of the change by an event, and colours set
 * out a frame after that, so a look for transitions alone can come before the first.
 */
async function schemeStands(page: Page, scheme: 'light' | 'dark'): Promise<void> {
  await page.locator(`html[data-mantine-color-scheme="${scheme}"]`).waitFor({ state: 'attached' });
  await page.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    for (let still = 0; still < 3; still++) {
      await frame();
      const moving = document.getAnimations().filter((one) => one instanceof CSSTransition);
      if (moving.length > 0) still = 0;
      await Promise.all(moving.map((one) => one.finished.catch(() => {})));
    }
  });
}

/**
 * What axe finds on each address, on a desk and on a phone: all its rules on the light page, those of colour on the dark one. `ready` waits for what
 * the page shows. A page wider than the screen is a fault too.
 */
export async function axeFaults(sitting: Sitting, paths: readonly string[], ready: (path: string) => Promise<unknown>): Promise<string[]> {
  const { page } = sitting;
  const found: string[] = [];
  for (const viewport of [
    { width: 1280, height: 800 },
    { width: 390, height: 844 },
  ]) {
    await page.setViewportSize(viewport);
    for (const path of paths) {
      await page.emulateMedia({ colorScheme: 'light' });
      await sitting.open(path);
      await ready(path);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0) found.push(`${path} ${viewport.width}: ${wide} px wider than the screen`);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await schemeStands(page, colorScheme);
        const axe = new AxeBuilder({ page });
        const { violations } = await (colorScheme === 'light' ? axe : axe.withRules(['color-contrast'])).analyze();
        for (const { id, impact, nodes } of violations)
          if (impact === 'serious' || impact === 'critical')
            found.push(`${path} ${viewport.width} ${colorScheme}: ${id} ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
      }
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1280, height: 800 });
  return found;
}
