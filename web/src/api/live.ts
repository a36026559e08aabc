import type { QueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useSyncExternalStore } from 'react';
import type { AnyEvent } from '../../../src/contracts/events.ts';
import { serverNow } from './clock.ts';
import { usePlatform } from './context.ts';
import { openStream, type StreamState } from './stream.ts';

/** The stream as pages use it: they listen for events, and queries that an event touches are read again. */
export interface Live {
  start(): void;
  listen(listener: (event: AnyEvent) => void): () => void;
  state(): LiveState;
  watch(changed: () => void): () => void;
}
export interface LiveState {
  state: StreamState;
  /** When the state began, ms since 1970. */
  since: number;
}

/** What an event makes old. The list of inspections stays as it is and tells of what is new in a bar; a lot's map and a unit's history follow. */
export function touchedBy(event: AnyEvent): string[][] {
  const { payload } = event;
  const keys: string[][] = [];
  if ('inspection_id' in payload) keys.push(['inspection', payload.inspection_id]);
  if ('lot_id' in payload) keys.push(['lot', payload.lot_id]);
  if ('status' in payload) keys.push(['units', payload.lot_id], ['unit', payload.chip_id]);
  switch (event.event_type) {
    case 'inspection.waiting':
    case 'defect.reviewed':
    case 'inspection.cancelled':
      keys.push(['review'], ['lots']);
      break;
    case 'inspection.judged':
    case 'inspection.verdict_revised':
      keys.push(['review'], ['lots']);
      if (event.payload.verdict === 'fail') keys.push(['fails']);
      break;
    case 'model.disagreed':
    case 'model.disagreement_settled':
      keys.push(['review'], ['models']);
      break;
    case 'model.stage_changed':
    case 'drift.alarm_raised':
      keys.push(['models']);
      break;
    case 'lot.held':
    case 'lot.released':
    case 'lot.assigned':
      keys.push(['lots']);
      break;
    default:
  }
  return keys;
}

/** Reads again at most once in this many ms, however fast events come. */
const CALM = 1_500;

export function createLive(queries: QueryClient, socket: { url: string; token(): Promise<string> }): Live {
  const listeners = new Set<(event: AnyEvent) => void>();
  const watchers = new Set<() => void>();
  const touched = new Map<string, string[]>();
  let timer = 0;
  let started = false;
  let now: LiveState = { state: 'connecting', since: serverNow() };

  function refresh(): void {
    timer = 0;
    const keys = [...touched.values()];
    touched.clear();
    for (const queryKey of keys) void queries.invalidateQueries({ queryKey });
  }

  return {
    start() {
      if (started) return;
      started = true;
      openStream({
        ...socket,
        onEvent(event) {
          for (const listener of listeners) listener(event);
          for (const key of touchedBy(event)) touched.set(key.join(' '), key);
          if (!timer) timer = window.setTimeout(refresh, CALM);
        },
        onGap: () => void queries.invalidateQueries(),
        onState(state, since) {
          if (state === now.state) return;
          const back = state === 'live' && now.state === 'offline';
          now = { state, since };
          for (const watcher of watchers) watcher();
          if (back) void queries.invalidateQueries();
        },
      });
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    state: () => now,
    watch(changed) {
      watchers.add(changed);
      return () => watchers.delete(changed);
    },
  };
}

export function useLiveState(): LiveState {
  const { live } = usePlatform();
  return useSyncExternalStore(live.watch, live.state);
}

/** Calls the newest `listener` for each event while the component is shown. */
export function useEvents(listener: (event: AnyEvent) => void): void {
  const { live } = usePlatform();
  const newest = useRef(listener);
  useEffect(() => {
    newest.current = listener;
  });
  useEffect(() => live.listen((event) => newest.current(event)), [live]);
}
