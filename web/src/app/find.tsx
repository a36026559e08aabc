import { Kbd, TextInput } from '@mantine/core';
import { type SubmitEvent, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiProblem } from '../api/client.ts';
import { usePlatform } from '../api/context.ts';
import { focusHeading } from './focus.ts';
import { useNavigate } from './router.ts';

const FIELD = 'find';
export const focusFind = () => document.getElementById(FIELD)?.focus();

/**
 * A scanner types a barcode and presses Enter. What is scanned is a lot when the platform knows a lot of that name, an
 * inspection when it is an id, else a unit.
 */
export function Find() {
  const { t } = useTranslation();
  const { api } = usePlatform();
  const navigate = useNavigate();
  const [state, set] = useState<'idle' | 'busy' | 'failed'>('idle');
  /** The scan that is looked up: a newer one takes its place. */
  const current = useRef<AbortController | null>(null);

  async function isLot(text: string, signal: AbortSignal): Promise<boolean> {
    try {
      await api.json(`/v1/lots/${encodeURIComponent(text.toUpperCase())}`, { signal });
      return true;
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 409) return true;
      if (error instanceof ApiProblem && (error.status === 404 || error.status === 422)) return false;
      throw error;
    }
  }

  async function submit(event: SubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const field = event.currentTarget.elements.namedItem(FIELD) as HTMLInputElement;
    const text = field.value.trim();
    if (!text) return;
    current.current?.abort();
    const scan = new AbortController();
    current.current = scan;
    set('busy');
    try {
      if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text))
        navigate({ to: '/inspections/$id', params: { id: text.toLowerCase() } });
      else {
        const lot = await isLot(text, scan.signal);
        if (scan.signal.aborted) return;
        if (lot) navigate({ to: '/lots/$lotId', params: { lotId: text.toUpperCase() } });
        else navigate({ to: '/units/$chipId', params: { chipId: text } });
      }
      set('idle');
      field.value = '';
      focusHeading();
    } catch {
      if (scan.signal.aborted) return;
      set('failed');
      field.select();
    }
  }

  return (
    <search className="find">
      <form onSubmit={(event) => void submit(event)}>
        <label htmlFor={FIELD} className="sr">
          {t('find.label')}
        </label>
        <TextInput
          id={FIELD}
          rightSection={<Kbd>/</Kbd>}
          name={FIELD}
          type="search"
          autoComplete="off"
          spellCheck={false}
          placeholder={t('find.placeholder')}
          aria-busy={state === 'busy'}
          error={state === 'failed' ? t('find.failed') : undefined}
          onChange={() => set((before) => (before === 'failed' ? 'idle' : before))}
          onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
        />
      </form>
    </search>
  );
}
