import { Component, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Failed, Notice } from '../parts/notice.tsx';
import { Link } from './link.tsx';

export function NotFound() {
  const { t } = useTranslation();
  return (
    <Notice shape="open" title={t('problem.no_page.title')}>
      <p>
        <Link to="/">{t('problem.no_page.means')}</Link>
      </p>
    </Notice>
  );
}

/** Catches a page that broke, or whose code did not arrive (a new version was installed meanwhile): the rest stays. */
export class PageGuard extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: null };
  static getDerivedStateFromError(error: unknown) {
    return { error };
  }
  override render() {
    const { error } = this.state;
    return error ? <Failed error={error} retry={() => window.location.reload()} /> : this.props.children;
  }
}
