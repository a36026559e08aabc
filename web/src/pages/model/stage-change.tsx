import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ModelVersion } from '../../../../src/contracts/inference.ts';
import { useMay, usePlatform } from '../../api/context.ts';
import { stageVersion } from '../../api/model-changes.ts';
import { ReasonDialog } from '../../parts/reason-dialog.tsx';

type Stage = ModelVersion['stage'];
/** Where a version may go from where it is, the usual step first; the platform has the last word. */
const NEXT: Record<Stage, readonly Stage[]> = {
  draft: ['shadow', 'canary', 'retired'],
  shadow: ['canary', 'draft', 'retired'],
  canary: ['production', 'canary', 'shadow', 'retired'],
  production: [],
  retired: ['shadow'],
};
const USUAL_PERCENT = 10;

export function StageChange({ version }: { version: ModelVersion }) {
  const { t } = useTranslation();
  const { api } = usePlatform();
  const queries = useQueryClient();
  const may = useMay('inference:manage');
  const [asking, ask] = useState(false);
  const [to, setTo] = useState<Stage>(NEXT[version.stage][0] ?? 'draft');
  const [percent, setPercent] = useState(String(version.canary_percent ?? USUAL_PERCENT));
  if (!may || NEXT[version.stage].length === 0) return null;
  return (
    <>
      <Button
        className="no-print"
        onClick={() => {
          setTo(NEXT[version.stage][0]!);
          ask(true);
        }}
      >
        {t('model.stage_change')}
      </Button>
      {asking ? (
        <ReasonDialog
          title={t('model.stage_title', { version: version.version })}
          act={t('model.stage_change')}
          label={t('model.reason')}
          maxLength={500}
          send={async (reason, key) => {
            const share = to === 'canary' ? { canary_percent: Number(percent) } : {};
            await stageVersion(api, version, { stage: to, reason, ...share }, key);
            await queries.invalidateQueries({ queryKey: ['models'] });
          }}
          fields={['canary_percent']}
          onClose={() => ask(false)}
        >
          {(faults) => (
            <>
              <NativeSelect
                label={t('model.stage_to')}
                description={t(`model.stage_means_${to}`)}
                value={to}
                onChange={(event) => setTo(event.currentTarget.value as Stage)}
                data={NEXT[version.stage].map((stage) => ({ value: stage, label: t(`stage.${stage}`) }))}
              />
              {to === 'canary' ? (
                <TextInput
                  label={t('model.stage_percent')}
                  type="number"
                  min={1}
                  max={50}
                  step={1}
                  required
                  value={percent}
                  error={faults.canary_percent}
                  onChange={(event) => setPercent(event.currentTarget.value)}
                />
              ) : null}
            </>
          )}
        </ReasonDialog>
      ) : null}
    </>
  );
}
