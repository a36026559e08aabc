import { ActionIcon, Button, createTheme, Kbd, Modal, NativeSelect, SegmentedControl, Table, TextInput } from '@mantine/core';

/** Neutral greys throughout: colour is kept for what is wrong. Sizes follow the root font size of 14 px (16 px on a wall screen). */
export const theme = createTheme({
  primaryColor: 'gray',
  primaryShade: { light: 8, dark: 3 },
  autoContrast: true,
  scale: 16 / 14,
  defaultRadius: 'sm',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily: "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif",
  components: {
    Button: Button.extend({ defaultProps: { variant: 'default', size: 'xs' } }),
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: 'subtle', size: 'md' } }),
    SegmentedControl: SegmentedControl.extend({ defaultProps: { size: 'xs', withItemsBorders: false } }),
    TextInput: TextInput.extend({ defaultProps: { size: 'xs' } }),
    NativeSelect: NativeSelect.extend({ defaultProps: { size: 'xs' } }),
    Table: Table.extend({ defaultProps: { highlightOnHover: true } }),
    Kbd: Kbd.extend({ defaultProps: { size: 'xs' } }),
    Modal: Modal.extend({ defaultProps: { centered: true, transitionProps: { duration: 0 } } }),
  },
});
