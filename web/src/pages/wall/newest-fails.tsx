import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useReads } from '../../api/use-reads.ts';
import { ButtonLink } from '../../app/button-link.tsx';
import { Link } from '../../app/link.tsx';
import { imageOf, Thumbnail } from '../../board/thumbnail.tsx';
import { Age } from '../../parts/age.tsx';
import { countWords } from '../../parts/defect-words.ts';
import { Mark } from '../../parts/marks.tsx';
import { ProblemText } from '../../parts/problem-text.tsx';
import { reasonWords } from '../../parts/reason.ts';
import { Tail } from '../../parts/tail.tsx';

const SHOWN = 6;
const PLACES = Array.from({ length: SHOWN }, (_, place) => place);

export function NewestFails() {
  const { t } = useTranslation();
  const reads = useReads();
  const { data, error, isPending } = useQuery(reads.fails(SHOWN));
  const fails = data?.data ?? [];
  return (
    <section className="panel" aria-labelledby="fails">
      <header>
        <h2 id="fails">{t('wall.fails')}</h2>
        <ButtonLink target={{ to: '/inspections', search: { verdict: 'fail' } }}>{t('wall.all_fails')}</ButtonLink>
      </header>
      {error ? (
        <p className="tone-person">
          <ProblemText error={error} />
        </p>
      ) : null}
      {data && fails.length === 0 ? <p className="quiet">{t('wall.no_fails')}</p> : null}
      <ul className="fails">
        {isPending ? PLACES.map((place) => <li key={place} className="fail-empty" />) : null}
        {fails.map((inspection) => (
          <li key={inspection.id}>
            <Link to="/inspections/$id" params={{ id: inspection.id }}>
              {inspection.inspection_type === 'visual' ? (
                <Thumbnail
                  artifact={imageOf(inspection.artifacts)}
                  defects={inspection.defects ?? []}
                  alt={t('wall.fail_picture', { chip: inspection.chip_id })}
                />
              ) : (
                <span className="thumbnail">
                  <span className="thumbnail-none">
                    {t(`type.${inspection.inspection_type}`)}
                    <Tail>{inspection.chip_id}</Tail>
                  </span>
                </span>
              )}
              <span className="fail-words">
                <span className="tone-wrong">
                  <Mark shape="fail" />
                </span>
                {countWords(t, inspection.defects ?? []) || reasonWords(t, inspection.reason)}
              </span>
              <span className="quiet">
                {inspection.station_id} · <Age at={inspection.completed_at} />
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}
