import { Button, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type SubmitEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { BoardClass } from '../../../../src/contracts/defects.ts';
import type { ModelVersion } from '../../../../src/contracts/inference.ts';
import type { RecipeThresholds, Simulation as SimulationShape } from '../../../../src/contracts/models.ts';
import { usePlatform } from '../../api/context.ts';
import { makeRecipe, simulateRecipe } from '../../api/model-changes.ts';
import { useModelReads } from '../../api/model-reads.ts';
import { BOARD_CLASSES } from '../../parts/board-classes.ts';
import { ProblemText } from '../../parts/problem-text.tsx';
import { fieldFaults } from '../../parts/problem-words.ts';
import { ReasonDialog } from '../../parts/reason-dialog.tsx';
import { useFormats } from '../../words/index.ts';
import { Simulation } from './simulation.tsx';

interface Wish {
  product: string | null;
  thresholds: RecipeThresholds;
}

/** Each has an input of its own, which shows what is wrong with it. */
const FIELDS = ['product', ...BOARD_CLASSES];

interface RecipeFormProps {
  model: string;
  production: ModelVersion | undefined;
}

/** New thresholds are looked at on past boards before they can be applied. */
export function RecipeForm({ model, production }: RecipeFormProps) {
  const { t } = useTranslation();
  const format = useFormats();
  const { api } = usePlatform();
  const queries = useQueryClient();
  const reads = useModelReads();
  const [product, setProduct] = useState('');
  const [fields, setFields] = useState<Partial<Record<BoardClass, string>>>({});
  const [seen, setSeen] = useState<{ wish: Wish; result: SimulationShape } | null>(null);
  const [state, set] = useState<{ busy: boolean; error: unknown; applied: number | null }>({
    busy: false,
    error: null,
    applied: null,
  });
  const [asking, ask] = useState(false);

  const wish: Wish = {
    product: product.trim() || null,
    thresholds: Object.fromEntries(
      Object.entries(fields)
        .filter(([, text]) => text.trim() !== '')
        .map(([name, text]) => [name, Number(text)]),
    ),
  };
  const current = seen !== null && JSON.stringify(seen.wish) === JSON.stringify(wish);
  const [asked] = useDebouncedValue(wish.product ?? '', 300);
  const own = useQuery(reads.inForce(model, asked));
  const everyProduct = useQuery(reads.inForce(model, ''));
  const standing = own.data ?? everyProduct.data;

  const faults = fieldFaults(t, state.error);

  async function simulate(event: SubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    set({ busy: true, error: null, applied: null });
    try {
      setSeen({ wish, result: await simulateRecipe(api, model, wish) });
      set({ busy: false, error: null, applied: null });
    } catch (error) {
      set({ busy: false, error, applied: null });
    }
  }

  return (
    <section className="panel recipe-form" aria-labelledby="recipe-new">
      <h2 id="recipe-new">{t('recipe.new')}</h2>
      <p className="quiet">{t('recipe.new_means')}</p>
      <form onSubmit={(event) => void simulate(event)}>
        <TextInput
          label={t('recipe.product')}
          description={t('recipe.product_help')}
          value={product}
          error={faults.product}
          maxLength={60}
          onChange={(event) => setProduct(event.currentTarget.value)}
        />
        <div className="recipe-fields">
          {BOARD_CLASSES.map((name) => (
            <TextInput
              key={name}
              label={t(`defect.${name}`)}
              type="number"
              min={0.05}
              max={0.99}
              step={0.01}
              placeholder={format.score(standing?.thresholds[name] ?? production?.thresholds[name])}
              value={fields[name] ?? ''}
              error={faults[name]}
              onChange={(event) => {
                const { value } = event.currentTarget;
                setFields((before) => ({ ...before, [name]: value }));
              }}
            />
          ))}
        </div>
        <p className="dialog-acts">
          <Button type="submit" disabled={state.busy} variant={current ? 'default' : 'filled'}>
            {state.busy ? t('recipe.simulating') : t('recipe.simulate')}
          </Button>
          <Button disabled={!current} variant={current ? 'filled' : 'default'} onClick={() => ask(true)}>
            {t('recipe.apply')}
          </Button>
          <span className="quiet">{current ? '' : t(seen ? 'recipe.stale' : 'recipe.see_first')}</span>
        </p>
      </form>
      <div aria-live="polite">
        {state.error ? (
          <p className="tone-wrong">
            <ProblemText error={state.error} shown={FIELDS} />
          </p>
        ) : null}
        {state.applied === null ? null : <p>{t('recipe.applied', { version: state.applied })}</p>}
        {seen && current ? <Simulation of={seen.result} /> : null}
      </div>
      {asking ? (
        <ReasonDialog
          title={t('recipe.new')}
          act={t('recipe.apply')}
          label={t('model.reason')}
          maxLength={500}
          send={async (reason, key) => {
            const made = await makeRecipe(api, model, { ...wish, reason }, key);
            setSeen(null);
            setFields({});
            set({ busy: false, error: null, applied: made.version });
            await queries.invalidateQueries({ queryKey: ['models', model] });
          }}
          onClose={() => ask(false)}
        />
      ) : null}
    </section>
  );
}
