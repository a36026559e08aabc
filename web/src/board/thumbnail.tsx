import { useTranslation } from 'react-i18next';
import type { Artifact } from '../../../src/contracts/artifacts.ts';
import type { Defect } from '../../../src/contracts/defects.ts';
import { artifactPath, usePicture } from '../api/pictures.ts';

/** The picture that was inspected: the newest readable one. */
export function imageOf(artifacts: readonly Artifact[] | undefined, kind: 'image' | 'reference' = 'image'): Artifact | null {
  return artifacts?.filter((artifact) => artifact.kind === kind && artifact.readable !== false && !artifact.expired).at(-1) ?? null;
}

/** A small board with frames around what was found. Rejected findings are not drawn. */
export function Thumbnail({ artifact, defects, alt }: { artifact: Artifact | null; defects: readonly Defect[]; alt: string }) {
  const { t } = useTranslation();
  const picture = usePicture(artifact ? artifactPath(artifact) : null);
  const { width, height } = { width: artifact?.width ?? 640, height: artifact?.height ?? 640 };
  const gap = width / 60;
  return (
    <span className="thumbnail">
      {picture.url ? (
        <img src={picture.url} alt={alt} />
      ) : (
        <span className="thumbnail-none">{picture.state === 'loading' ? '' : t('board.no_picture')}</span>
      )}
      {picture.url ? (
        <svg viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
          {defects.map(({ id, box, state }) =>
            box && state !== 'rejected' ? (
              <g key={id}>
                <rect
                  className="thumb-casing"
                  x={box.x - gap}
                  y={box.y - gap}
                  width={box.width + 2 * gap}
                  height={box.height + 2 * gap}
                  strokeWidth={width / 45}
                />
                <rect
                  className="thumb-line"
                  x={box.x - gap}
                  y={box.y - gap}
                  width={box.width + 2 * gap}
                  height={box.height + 2 * gap}
                  strokeWidth={width / 80}
                />
              </g>
            ) : null,
          )}
        </svg>
      ) : null}
    </span>
  );
}
