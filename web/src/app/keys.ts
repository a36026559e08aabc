import { useLayoutEffect, useRef, useSyncExternalStore } from 'react';

/** A key of the page: shown by `?` with its word, and run unless the person is typing. */
export interface Key {
  /** `KeyboardEvent.key`, lower case for letters; `Shift+` before it where the shift counts. */
  key: string;
  /** What it does, in the reader's language. */
  word: string;
  run(): void;
  /** For keys that act while they are held. */
  release?: () => void;
}
export interface KeyGroup {
  title: string;
  keys: readonly Key[];
}

const SWITCH = 'cqp.keys';
const groups: { current: KeyGroup }[] = [];
const watchers = new Set<() => void>();
let version = 0;
const changed = () => {
  version++;
  for (const watcher of watchers) watcher();
};

export const keysOn = () => window.localStorage.getItem(SWITCH) !== 'off';
/** Single keys can be turned off for those who steer by voice (WCAG 2.1.4). */
export function switchKeys(on: boolean): void {
  window.localStorage.setItem(SWITCH, on ? 'on' : 'off');
  changed();
}

export function nameOf(event: Pick<KeyboardEvent, 'key' | 'shiftKey'>): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return event.shiftKey && /^[a-z]$|^[A-Z][a-z]+/.test(key) ? `Shift+${key}` : key;
}

function typing(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return target.type !== 'radio' && target.type !== 'checkbox';
  return target instanceof HTMLElement && (target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName));
}

function find(name: string): Key | undefined {
  for (const { current } of [...groups].reverse()) {
    const key = current.keys.find((candidate) => candidate.key === name);
    if (key) return key;
  }
  return undefined;
}

/** Enter and space belong to what has the focus. */
function ownKey(name: string, target: EventTarget | null): boolean {
  return /^(Shift\+)?(Enter| )$/.test(name) && target instanceof HTMLElement && /^(A|BUTTON|SUMMARY)$/.test(target.tagName);
}

/** Whether a dialog was open when the key came: one that it closes is gone before `onDown` hears of it. */
let toDialog = false;
function noteDialog(): void {
  toDialog = document.querySelector('[role="dialog"]') !== null;
}

function onDown(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target) || !keysOn()) return;
  const name = nameOf(event);
  if (toDialog || ownKey(name, event.target)) return;
  const key = find(name);
  if (!key) return;
  event.preventDefault();
  if (!(event.repeat && key.release)) key.run();
}

function onUp(event: KeyboardEvent): void {
  find(nameOf({ key: event.key, shiftKey: false }))?.release?.();
}

export function listenForKeys(): void {
  // Before any dialog listens.
  window.addEventListener('keydown', noteDialog, { capture: true });
  window.addEventListener('keydown', onDown);
  window.addEventListener('keyup', onUp);
  window.addEventListener('blur', () => {
    for (const { current } of groups) for (const key of current.keys) key.release?.();
  });
}

/** Keys of a shown component; the last shown wins where two want the same key. */
export function useKeys(title: string, keys: readonly Key[]): void {
  const group = useRef<KeyGroup>({ title, keys });
  // With the board that is shown and not after it: a key that comes between would act on the one before.
  useLayoutEffect(() => {
    group.current = { title, keys };
  });
  useLayoutEffect(() => {
    groups.push(group);
    changed();
    return () => {
      groups.splice(groups.indexOf(group), 1);
      changed();
    };
  }, []);
}

export function useKeyGroups(): readonly KeyGroup[] {
  useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => version,
  );
  return groups.map(({ current }) => current).filter(({ keys }) => keys.length > 0);
}
