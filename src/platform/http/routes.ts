export interface KnownRoute {
  /** Fastify's pattern, `/v1/inspections/:id`. */
  url: string;
  methods: Set<string>;
  matches: RegExp;
}

/** `/v1/inspections/:id` -> `/v1/inspections/{id}`, as people and metrics read it. */
export const template = (url: string): string => url.replace(/:([A-Za-z_][A-Za-z0-9_]*)/g, '{$1}');

function pattern(url: string): RegExp {
  const source = url
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/:[A-Za-z_][A-Za-z0-9_]*/g, '[^/]+')
    .replace(/\*/g, '.*');
  return new RegExp(`^${source}$`);
}

/** Every address and method that was declared: tells 404 from 405 and what `Allow` says. Asked only when the router found nothing, or on OPTIONS. */
export class RouteTable {
  readonly #routes = new Map<string, KnownRoute>();

  add(url: string, methods: readonly string[]): void {
    if (url === '*' || url === '/*') return;
    const known = this.#routes.get(url) ?? { url, methods: new Set<string>(), matches: pattern(url) };
    for (const method of methods) known.methods.add(method);
    this.#routes.set(url, known);
  }

  /** Methods of an address (without its query), sorted; empty when no route has it. */
  allowed(path: string): string[] {
    const methods = new Set<string>();
    for (const route of this.#routes.values()) if (route.matches.test(path)) for (const method of route.methods) methods.add(method);
    return [...methods].sort();
  }
}
