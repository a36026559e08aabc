import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { health, unwell } from '../api/health.ts';
import { Mark } from '../parts/marks.tsx';

/** Which parts of the platform are not well, and what that means for the line. What the platform itself says stands behind it. */
export function HealthBand() {
  const { t } = useTranslation();
  const { data } = useQuery(health());
  const parts = data ? unwell(data) : [];
  if (parts.length === 0) return null;
  return (
    <div className="health-band" role="status">
      {parts.map(({ name, known, detail }) => (
        <p key={name} data-part={name}>
          <Mark shape="waiting" /> {known ? t(`health.${known}`) : t('health.other', { name })}
          {detail ? <small lang="en"> ({detail})</small> : null}
        </p>
      ))}
    </div>
  );
}
