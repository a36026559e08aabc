/** Takes the dashboard's pages as pictures, light and dark, at the three sizes that it is made for; see --help. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { launch, type Person, signIn } from '../test/browser/browser.ts';
import { commandOptions } from './command-options.ts';

const help = `Takes every page of the dashboard of a running platform as a picture.

  node tools/screenshots.ts --url URL --credentials FILE [--out FOLDER]

  --url URL            the platform (default http://localhost:8000)
  --credentials FILE   demo-credentials.json of its data directory (default .data/demo-credentials.json)
  --out FOLDER         where the pictures go (default docs/pictures)
  --user NAME          who looks (default: the first quality manager)
  --only NAME          this page only: wall, inspections, inspection, unit, lots, lot, review, models, model,
                       quality, comparison, recipes, drift (several with commas)
  --size WxH           this size only (default: 1280x800, 1920x1080 and 390x844)
  --scheme NAME        light or dark only (default: both)
  --language TAG       en or de (default en)
  --full               the whole page, not only what the window shows
  --readme             only the pictures of the README: wall.png, and as inspection.png the failed board with the most findings
`;

const SIZES = ['1280x800', '1920x1080', '390x844'];
const SCHEMES = ['light', 'dark'] as const;

interface Options {
  url: string;
  out: string;
  person: Person;
  only?: string | undefined;
  language: string;
  full: boolean;
}

async function token(page: Page): Promise<string> {
  return page.evaluate(() => {
    const key = Object.keys(sessionStorage).find((name) => name.startsWith('oidc.user:'));
    return (JSON.parse(sessionStorage.getItem(key ?? '') ?? '{}') as { access_token: string }).access_token;
  });
}

/** Addresses of all pages, with records that are there. */
async function addresses(page: Page, url: string): Promise<Record<string, string>> {
  const headers = { authorization: `Bearer ${await token(page)}` };
  const read = async <T>(path: string) => (await (await fetch(url + path, { headers })).json()) as { data: T[] };
  const fails = await read<{ id: string; chip_id: string; lot_id: string }>('/v1/inspections?verdict=fail&inspection_type=visual&limit=1');
  const fail = fails.data[0];
  const lots = await read<{ lot_id: string; state: string }>('/v1/lots?limit=20');
  const lot = lots.data.find(({ state }) => state === 'held') ?? lots.data[0];
  return {
    wall: '/',
    inspections: '/inspections',
    ...(fail ? { inspection: `/inspections/${fail.id}`, unit: `/units/${encodeURIComponent(fail.chip_id)}` } : {}),
    lots: '/lots',
    ...(lot ? { lot: `/lots/${lot.lot_id}` } : {}),
    review: '/review',
    models: '/models',
    model: '/models/pcb-pair-synth',
    quality: '/models/pcb-pair-synth?tab=quality',
    comparison: '/models/pcb-pair-synth?tab=comparison',
    recipes: '/models/pcb-pair-synth?tab=recipes',
    drift: '/models/pcb-pair-synth?tab=drift',
  };
}

async function take(context: BrowserContext, options: Options, suffix: string): Promise<void> {
  const page = await signIn(context, options.url, options.person);
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') console.error(`${suffix}: ${message.text()}`);
  });
  page.on('pageerror', (error) => console.error(`${suffix}: ${error.message}`));
  for (const [name, path] of Object.entries(await addresses(page, options.url))) {
    if (options.only && !options.only.split(',').includes(name)) continue;
    await page.goto(options.url + path);
    await page.locator('main h1, main .inspection-head').first().waitFor();
    await page.waitForTimeout(1500);
    await page.screenshot({ path: join(options.out, `${name}-${suffix}.png`), fullPage: options.full });
    console.log(`${name}-${suffix}.png`);
  }
  await page.close();
}

/** The board that shows most: of the newest fails, the one with the most findings. */
async function takeReadme(context: BrowserContext, options: Options): Promise<void> {
  const page = await signIn(context, options.url, options.person);
  await page.waitForTimeout(3000);
  await page.screenshot({ path: join(options.out, 'wall.png') });
  const headers = { authorization: `Bearer ${await token(page)}` };
  const query = 'verdict=fail&inspection_type=visual&include=defects&limit=50';
  const answer = await fetch(`${options.url}/v1/inspections?${query}`, { headers });
  const { data } = (await answer.json()) as { data: { id: string; defects: unknown[] }[] };
  const [most] = data.sort((one, other) => other.defects.length - one.defects.length);
  if (!most) throw new Error('no failed board yet');
  await page.goto(`${options.url}/inspections/${most.id}`);
  await page.locator('.frame').first().waitFor();
  await page.waitForTimeout(1000);
  await page.screenshot({ path: join(options.out, 'inspection.png') });
}

async function main(): Promise<void> {
  const { values } = commandOptions({
    options: {
      url: { type: 'string', default: 'http://localhost:8000' },
      credentials: { type: 'string', default: '.data/demo-credentials.json' },
      out: { type: 'string', default: 'docs/pictures' },
      user: { type: 'string' },
      only: { type: 'string' },
      size: { type: 'string' },
      scheme: { type: 'string' },
      language: { type: 'string', default: 'en' },
      full: { type: 'boolean', default: false },
      readme: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(help);
  const { users } = JSON.parse(readFileSync(values.credentials, 'utf8')) as { users: (Person & { roles: string[] })[] };
  const person = users.find(({ username, roles }) => (values.user ? username === values.user : roles.includes('quality_manager')));
  if (!person) throw new Error('no such user in the credentials');
  mkdirSync(values.out, { recursive: true });
  const browser = await launch();
  try {
    if (values.readme) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: 'light', locale: 'en' });
      await takeReadme(context, { ...values, person });
      return;
    }
    for (const size of values.size ? [values.size] : SIZES) {
      const [width = 1280, height = 800] = size.split('x').map(Number);
      for (const scheme of SCHEMES) {
        if (values.scheme && values.scheme !== scheme) continue;
        const context = await browser.newContext({
          viewport: { width, height },
          colorScheme: scheme,
          locale: values.language,
          reducedMotion: 'reduce',
        });
        await take(context, { ...values, person }, `${size}-${scheme}`);
        await context.close();
      }
    }
  } finally {
    await browser.close();
  }
}

await main();
