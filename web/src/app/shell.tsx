import { AppShell, Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Suspense, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiProblem } from '../api/client.ts';
import { MeContext, usePlatform } from '../api/context.ts';
import { useReads } from '../api/use-reads.ts';
import { RefusedBar, UnsentBand } from '../decisions/bars.tsx';
import { DecisionsProvider } from '../decisions/provider.tsx';
import type { ReviewSearch } from '../pages/review/search.ts';
import { Failed, Skeleton } from '../parts/notice.tsx';
import type { Place } from './addresses.ts';
import { NotFound, PageGuard } from './fallbacks.tsx';
import { Find, focusFind } from './find.tsx';
import { focusHeading } from './focus.ts';
import { HealthBand } from './health-band.tsx';
import { useKeys } from './keys.ts';
import { KeysDialog } from './keys-dialog.tsx';
import { Link } from './link.tsx';
import { LiveBand, LiveMark } from './live-mark.tsx';
import { Menu } from './menu.tsx';
import { loadPages, pageAt } from './pages.ts';
import { usePlace } from './router.ts';

const TABS = [
  ['/', 'wall'],
  ['/inspections', 'inspections'],
  ['/lots', 'lots'],
  ['/review', 'review'],
  ['/models', 'models'],
] as const;

const AHEAD_MS = 3_000;

/** Lot, unit, board or model that the page is about, as soon as its name is known. */
function useRecordName({ to, params, search }: Place): string | undefined {
  const reads = useReads();
  const board = to === '/review' ? (search as ReviewSearch).at?.split('.')[0] : params.id;
  // Only looked at: the page reads it.
  const { data } = useQuery({ ...reads.inspection(board ?? ''), enabled: false });
  return params.lotId ?? params.chipId ?? params.name ?? (board ? data?.chip_id : undefined);
}

/** What stands around every page: where one is, the find field, whether the line is heard. */
export function Shell() {
  const { t } = useTranslation();
  const { live, session } = usePlatform();
  const reads = useReads();
  const { data: me, error, refetch } = useQuery(reads.me());
  const [keys, showKeys] = useState(false);
  const place = usePlace();
  const Page = place.to ? pageAt(place.to) : NotFound;
  useEffect(() => {
    if (me) live.start();
  }, [me, live]);
  const known = me !== undefined;
  useEffect(() => {
    if (!known) return;
    // When the first page has what it shows.
    const ahead = setTimeout(() => void loadPages(), AHEAD_MS);
    return () => clearTimeout(ahead);
  }, [known]);
  const record = useRecordName(place);
  useEffect(() => {
    const page = TABS.find(([to]) => (to === '/' ? place.to === '/' : place.to?.startsWith(to)));
    const kind = page ? t(`page.${page[1]}`) : t(place.to ? 'page.unit' : 'problem.no_page.title');
    document.title = [record, kind, 'Chip Quality'].filter(Boolean).join(' · ');
  }, [place, record, t]);
  const was = useRef(place);
  useEffect(() => {
    if (was.current === place) return;
    was.current = place;
    // What was followed keeps no Enter of the new page, and a screen reader goes on where the page begins.
    const { activeElement: at } = document;
    if (at === null || at === document.body || at.closest('nav') !== null) focusHeading();
  }, [place]);
  useKeys(t('key.everywhere'), [
    { key: '/', word: t('find.label'), run: focusFind },
    { key: '?', word: t('key.all'), run: () => showKeys(true) },
  ]);

  if (!me && error)
    return (
      <Failed error={error} retry={() => void refetch()}>
        {error instanceof ApiProblem && error.status === 401 ? (
          <Button onClick={() => void session.signOut()}>{t('menu.sign_out')}</Button>
        ) : null}
      </Failed>
    );
  if (!me) return <p className="starting quiet">{t('act.loading')}</p>;
  return (
    <MeContext value={me}>
      <DecisionsProvider>
        <a className="skip" href="#main">
          {t('act.skip')}
        </a>
        <AppShell header={{ height: { base: 92, sm: 50 } }}>
          <AppShell.Header className="bar no-print">
            <nav aria-label={t('page.all')}>
              {TABS.map(([to, name]) => {
                const scope = name === 'review' ? 'defects:review' : name === 'models' ? 'inference:read' : 'inspections:read';
                return me.scopes.includes(scope) ? (
                  <Link key={to} to={to} nav>
                    {t(`page.${name}`)}
                  </Link>
                ) : null;
              })}
            </nav>
            <Find />
            <LiveMark />
            <Menu me={me} onKeys={() => showKeys(true)} />
          </AppShell.Header>
          <AppShell.Main id="main" tabIndex={-1}>
            <div className="bands">
              <LiveBand />
              <UnsentBand />
            </div>
            <HealthBand />
            <RefusedBar />
            <div className="main">
              <PageGuard key={place.to}>
                <Suspense fallback={<Skeleton rows={6} height={80} />}>
                  <Page />
                </Suspense>
              </PageGuard>
            </div>
          </AppShell.Main>
        </AppShell>
        {keys ? <KeysDialog onClose={() => showKeys(false)} /> : null}
      </DecisionsProvider>
    </MeContext>
  );
}
