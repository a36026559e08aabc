import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Inspection } from '../../../src/contracts/inspections.ts';
import { useMay } from '../api/context.ts';
import { artifactPath, heatPath, type Picture, templatePath, usePicture } from '../api/pictures.ts';
import { useReads } from '../api/use-reads.ts';
import { imageOf } from './thumbnail.tsx';
import type { Size } from './view.ts';

const UNSHOWN: Picture = { state: 'failed', url: null, status: 0 };

/**
 * The pictures of an inspection: the inspected one, and what it is compared with: the reference that came with it, else
 * the golden template of its lot's product revision. `withHeat` also reads where the newest run saw something.
 */
export function useBoard(
  inspection: Inspection | undefined,
  withHeat: boolean,
): {
  image: Picture;
  template: Picture;
  heat: Picture;
  size: Size;
  visual: boolean;
} {
  const reads = useReads();
  const image = imageOf(inspection?.artifacts);
  const reference = imageOf(inspection?.artifacts, 'reference');
  // One that cannot be read, or that went with age, was posted all the same.
  const posted = inspection?.artifacts?.some(({ kind }) => kind === 'image') ?? false;
  const picture = usePicture(image ? artifactPath(image) : null);
  const visual = inspection?.inspection_type === 'visual';
  const mayTemplate = useMay('masterdata:read');
  const lot = useQuery({
    ...reads.lot(inspection?.lot_id ?? '', inspection?.site),
    enabled: visual && !reference && mayTemplate,
    staleTime: 60_000,
  });
  const golden = visual && lot.data?.product && lot.data.revision ? templatePath(lot.data.product, lot.data.revision) : null;
  const run = inspection?.inference?.at(-1);
  const width = image?.width ?? 640;
  const height = image?.height ?? 640;
  const size = useMemo(() => ({ width, height }), [width, height]);
  return {
    image: !image && posted ? UNSHOWN : picture,
    template: usePicture(reference ? artifactPath(reference) : golden),
    heat: usePicture(withHeat && visual && run ? heatPath(run.operation_id) : null),
    size,
    visual,
  };
}
