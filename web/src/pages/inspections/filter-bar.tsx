import { Button, CloseButton, NativeSelect, TextInput } from '@mantine/core';
import { type SubmitEvent, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { InspectionStatus, InspectionType, Verdict } from '../../../../src/contracts/inspections.ts';
import { serverNow } from '../../api/clock.ts';
import { useMe } from '../../api/context.ts';
import type { InspectionFilter } from '../../api/reads.ts';
import { useFormats } from '../../words/index.ts';
import { SavedViews } from './saved-views.tsx';
import { FILTERS, type FilterName } from './search.ts';

const STATUSES: Record<InspectionStatus, true> = {
  pending: true,
  in_progress: true,
  awaiting_review: true,
  completed: true,
  cancelled: true,
  failed: true,
};
const VERDICTS: Record<Verdict, true> = { pass: true, fail: true, inconclusive: true };
const TYPES: Record<InspectionType, true> = { visual: true, electrical: true, thermal: true, dimensional: true };
const SPANS = [1, 8, 24] as const;

/** Active filters as chips; one more is chosen by name, then by value. */
export function FilterBar({ filter, onFilter }: { filter: InspectionFilter; onFilter(filter: InspectionFilter, replace?: boolean): void }) {
  const { t } = useTranslation();
  const format = useFormats();
  const me = useMe();
  const [adding, add] = useState<FilterName>('verdict');

  const set = (name: FilterName, value: string) => onFilter({ ...filter, [name]: value });
  /** A closed select changes with each arrow key: what is passed on the way to a value is one step of the history, not several. */
  const chosen = useRef(false);
  function choose(value: string): void {
    const { [adding]: _was, ...rest } = filter;
    onFilter(value ? { ...rest, [adding]: value } : rest, chosen.current);
    chosen.current = true;
  }
  const drop = (name: FilterName) => {
    const { [name]: _gone, ...rest } = filter;
    onFilter(rest);
  };
  function words(name: FilterName, value: string): string {
    if (name === 'status') return t(`state.${value as InspectionStatus}`, { defaultValue: value });
    if (name === 'verdict') return t(`state.${value as Verdict}`, { defaultValue: value });
    if (name === 'inspection_type') return t(`type.${value as InspectionType}`, { defaultValue: value });
    return name === 'from' || name === 'to' ? format.moment(value) : value;
  }
  function submit(event: SubmitEvent<HTMLFormElement>): void {
    event.preventDefault();
    const value = String(new FormData(event.currentTarget).get('value') ?? '').trim();
    if (!value) return;
    set(adding, adding === 'lot_id' ? value.toUpperCase() : adding === 'from' || adding === 'to' ? new Date(value).toISOString() : value);
    event.currentTarget.reset();
  }

  const choices = adding === 'status' ? STATUSES : adding === 'verdict' ? VERDICTS : adding === 'inspection_type' ? TYPES : null;
  return (
    <div className="filter-bar no-print">
      {FILTERS.map((name) => {
        const value = filter[name];
        return value ? (
          <span key={name} className="chip">
            <span className="quiet">{t(`filter.${name}`)}</span> {words(name, value)}
            <CloseButton size="sm" aria-label={t('filter.remove', { name: t(`filter.${name}`) })} onClick={() => drop(name)} />
          </span>
        ) : null;
      })}
      <form className="filter-add" onSubmit={submit}>
        <NativeSelect aria-label={t('filter.add')} value={adding} onChange={(event) => add(event.target.value as FilterName)}>
          {FILTERS.filter((name) => name !== 'site' || me.site === '*').map((name) => (
            <option key={name} value={name}>
              {t(`filter.${name}`)}
            </option>
          ))}
        </NativeSelect>
        {choices ? (
          <NativeSelect
            key={adding}
            name="value"
            aria-label={t('filter.value')}
            value={filter[adding] ?? ''}
            onChange={(event) => choose(event.target.value)}
            onBlur={() => {
              chosen.current = false;
            }}
          >
            <option value="">{t('filter.choose')}</option>
            {Object.keys(choices).map((value) => (
              <option key={value} value={value}>
                {words(adding, value)}
              </option>
            ))}
          </NativeSelect>
        ) : (
          <TextInput
            key={adding}
            name="value"
            type={adding === 'from' || adding === 'to' ? 'datetime-local' : 'text'}
            aria-label={t('filter.value')}
            required
          />
        )}
        {choices ? null : <Button type="submit">{t('filter.set')}</Button>}
      </form>
      <span className="filter-quick">
        {SPANS.map((hours) => (
          <Button key={hours} onClick={() => set('from', new Date(serverNow() - hours * 3_600_000).toISOString())} variant="subtle">
            {t('filter.last_hours', { count: hours })}
          </Button>
        ))}
        <SavedViews filter={filter} onFilter={onFilter} />
      </span>
    </div>
  );
}
