import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { type ReactNode, StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ApiProblem, createApi } from './api/client.ts';
import { PlatformContext } from './api/context.ts';
import { createLive } from './api/live.ts';
import { createPictures } from './api/pictures.ts';
import { listenForKeys } from './app/keys.ts';
import { Shell } from './app/shell.tsx';
import { SignedOut } from './app/signed-out.tsx';
import { theme } from './app/theme.ts';
import { createSession } from './session/session.ts';
import { startWords } from './words/index.ts';
import './styles/mantine.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/parts.css';
import './styles/board.css';
import './styles/print.css';

const REPEATABLE = 3;

async function main(): Promise<void> {
  const root = createRoot(document.getElementById('root')!);
  const render = (what: ReactNode) =>
    root.render(
      <StrictMode>
        <MantineProvider theme={theme} defaultColorScheme="auto">
          {what}
        </MantineProvider>
      </StrictMode>,
    );
  await startWords();
  const session = createSession();
  let state: Awaited<ReturnType<typeof session.start>>;
  try {
    state = await session.start();
  } catch (error) {
    window.history.replaceState(null, '', '/');
    render(<SignedOut session={session} error={error} />);
    return;
  }
  if (state === 'leaving') return;
  if (state === 'signed-out') {
    render(<SignedOut session={session} />);
    return;
  }
  const api = createApi(session);
  const queries = new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        // What was refused is refused again; what was out of reach may come back.
        retry: (failures, error) =>
          failures < REPEATABLE && (!(error instanceof ApiProblem) || error.status === 0 || error.status >= 500 || error.status === 429),
      },
    },
  });
  const live = createLive(queries, { url: `${window.location.origin.replace(/^http/, 'ws')}/v1/stream`, token: session.token });
  listenForKeys();
  render(
    <PlatformContext value={{ session, api, live, pictures: createPictures(api) }}>
      <QueryClientProvider client={queries}>
        <Shell />
      </QueryClientProvider>
    </PlatformContext>,
  );
}

void main();
