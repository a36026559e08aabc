import { Button, Kbd, type MantineColorScheme, NativeSelect, Popover, useMantineColorScheme } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Me } from '../../../src/contracts/identity.ts';
import { chooseLanguage, LANGUAGES, type Language } from '../words/index.ts';
import { useSignOut } from './sign-out.tsx';

const SCHEMES = ['auto', 'light', 'dark'] as const;

/** Who is signed in, and how the screen looks. */
export function Menu({ me, onKeys }: { me: Me; onKeys(): void }) {
  const { t, i18n } = useTranslation();
  const signOut = useSignOut();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <>
      <Popover position="bottom-end" shadow="md" width={280} trapFocus>
        <Popover.Target>
          <Button variant="subtle" className="menu-button">
            {me.name} ▾
          </Button>
        </Popover.Target>
        <Popover.Dropdown className="menu-body">
          <p className="quiet">
            {me.roles.map((role) => t(`role.${role}` as 'role.auditor', { defaultValue: role })).join(', ')}
            {' · '}
            {me.site === '*' ? t('menu.every_site') : me.site}
          </p>
          <NativeSelect
            label={t('menu.language')}
            value={i18n.language}
            onChange={(event) => chooseLanguage(event.currentTarget.value as Language)}
            data={Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }))}
          />
          <NativeSelect
            label={t('menu.scheme')}
            value={colorScheme}
            onChange={(event) => setColorScheme(event.currentTarget.value as MantineColorScheme)}
            data={SCHEMES.map((value) => ({ value, label: t(`menu.scheme_${value}`) }))}
          />
          <Button justify="space-between" rightSection={<Kbd>?</Kbd>} onClick={onKeys}>
            {t('key.all')}
          </Button>
          <Button component="a" href="/api/v1/docs" justify="flex-start">
            {t('menu.docs')}
          </Button>
          <Button justify="flex-start" disabled={signOut.busy} onClick={signOut.begin}>
            {t(signOut.busy ? 'sign_out.waits' : 'menu.sign_out')}
          </Button>
        </Popover.Dropdown>
      </Popover>
      {signOut.question}
    </>
  );
}
