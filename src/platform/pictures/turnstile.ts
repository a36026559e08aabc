export { turnstile } from '../turnstile.ts';
