import { Button, CloseButton, UnstyledButton } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { InspectionFilter } from '../../api/reads.ts';

const PLACE = 'cqp.views';
type Views = Record<string, InspectionFilter>;

function stored(): Views {
  try {
    return JSON.parse(window.localStorage.getItem(PLACE) ?? '{}') as Views;
  } catch {
    return {};
  }
}

/** Filters under a name, kept in this browser. The address says the same thing, so a link still shows it to a colleague. */
export function SavedViews({ filter, onFilter }: { filter: InspectionFilter; onFilter(filter: InspectionFilter): void }) {
  const { t } = useTranslation();
  const [views, set] = useState(stored);
  const keep = (next: Views) => {
    window.localStorage.setItem(PLACE, JSON.stringify(next));
    set(next);
  };
  const save = () => {
    const name = window.prompt(t('view.name'))?.trim();
    if (name) keep({ ...views, [name]: filter });
  };
  return (
    <>
      {Object.entries(views).map(([name, view]) => (
        <span key={name} className="chip view-chip">
          <UnstyledButton onClick={() => onFilter(view)}>{name}</UnstyledButton>
          <CloseButton
            size="sm"
            aria-label={t('view.forget', { name })}
            onClick={() => keep(Object.fromEntries(Object.entries(views).filter(([other]) => other !== name)))}
          />
        </span>
      ))}
      {Object.keys(filter).length > 0 ? (
        <Button onClick={save} variant="subtle">
          {t('view.save')}
        </Button>
      ) : null}
    </>
  );
}
