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
  readonly #only = new Map<string, readonly string[]>();

  /** An address that the pattern of another route would take too, as `batch` looks like an id: it has these methods, and none of the pattern's. */
  only(url: string, methods: readonly string[]): void {
    this.#only.set(url, methods);
  }

  add(url: string, methods: readonly string[]): void {
    if (url === '*' || url === '/*') return;
    const known = this.#routes.get(url) ?? { url, methods: new Set<string>(), matches: pattern(url) };
    for (const method of methods) known.methods.add(method);
    this.#routes.set(url, known);
  }

  /** Methods of an address (without its query), sorted; empty when no route has it. */
  allowed(path: string): string[] {
    const only = this.#only.get(path);
    if (only !== undefined) return [...only];
    const methods = new Set<string>();
    for (const route of this.#routes.values()) if (route.matches.test(path)) for (const method of route.methods) methods.add(method);
    return [...methods].sort();
  }
}
