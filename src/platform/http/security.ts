/** Sent with every answer. Pages (dashboard, documents) put their own `content-security-policy` in place of this one. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};
/** The same as names and values in turn: what Node writes without a look at each. */
export const SECURITY_LIST: readonly string[] = Object.entries(SECURITY_HEADERS).flat();
/** Two years; only where the request came by https (RFC 6797, 7.2). */
export const STRICT_TRANSPORT = 'max-age=63072000; includeSubDomains';

/** The host of a `Host` header without its port, lower-cased; an IPv6 address keeps its brackets. */
function hostName(host: string): string {
  const name = host.startsWith('[') ? host.slice(0, host.indexOf(']') + 1) : (host.split(':', 1)[0] ?? '');
  return name.toLowerCase();
}

/** Which `Host` headers are answered. `*` answers all; `.example.com` answers the domain and what is below it. Keeps the answers for 1,000 spellings. */
export function hostFilter(allowed: readonly string[]): (host: string) => boolean {
  if (allowed.includes('*')) return () => true;
  const names = new Set(allowed.map((host) => (host === '::1' ? '[::1]' : host.toLowerCase())));
  const suffixes = [...names].filter((name) => name.startsWith('.'));
  const known = new Map<string, boolean>();
  return (host) => {
    let answer = known.get(host);
    if (answer === undefined) {
      const name = hostName(host);
      answer = names.has(name) || suffixes.some((suffix) => name.endsWith(suffix) || name === suffix.slice(1));
      if (known.size >= 1000) known.clear();
      known.set(host, answer);
    }
    return answer;
  };
}
