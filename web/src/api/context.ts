import { createContext, useContext } from 'react';
import type { Me } from '../../../src/contracts/identity.ts';
import type { Scope } from '../../../src/contracts/permissions.ts';
import type { Session } from '../session/session.ts';
import type { Api } from './client.ts';
import type { Live } from './live.ts';
import type { Pictures } from './pictures.ts';

/** Everything that a page stands on, made once in `main.tsx`. */
export interface Platform {
  session: Session;
  api: Api;
  pictures: Pictures;
  live: Live;
}

export const PlatformContext = createContext<Platform | null>(null);
export const MeContext = createContext<Me | null>(null);

export function usePlatform(): Platform {
  const platform = useContext(PlatformContext);
  if (!platform) throw new Error('usePlatform outside of the platform');
  return platform;
}

export function useMe(): Me {
  const me = useContext(MeContext);
  if (!me) throw new Error('useMe before sign-in');
  return me;
}

/** Whether the caller may: what the scopes do not allow is not offered. */
export function useMay(scope: Scope): boolean {
  return useMe().scopes.includes(scope);
}
