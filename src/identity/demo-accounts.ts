import type { Role } from '../contracts/permissions.ts';

interface DemoPerson {
  readonly username: string;
  readonly name: string;
  readonly role: Role;
  readonly site: string;
}

interface DemoClient {
  readonly client_id: string;
  readonly name: string;
  readonly role: Role;
  readonly site: string;
  readonly station_id: string | null;
}

/** The two plants of the demo; the codes are those of the master data. */
const SITES = { hamburg: 'Hamburg', penang: 'Penang' } as const;
const STATIONS = {
  hamburg: ['AOI-HH-1', 'AOI-HH-2', 'ICT-HH-1', 'THM-HH-1', 'DIM-HH-1'],
  penang: ['AOI-PG-1', 'AOI-PG-2', 'ICT-PG-1', 'THM-PG-1', 'DIM-PG-1'],
} as const;
const POSTS = [
  ['engineer', 'Quality engineer', 'quality_engineer'],
  ['manager', 'Quality manager', 'quality_manager'],
  ['operator', 'Operator', 'manufacturing_operator'],
] as const;

const sites = Object.entries(SITES) as [keyof typeof SITES, string][];

/** Posts, not people: each plant has one of each, two see both plants. */
export const DEMO_PEOPLE: readonly DemoPerson[] = [
  ...sites.flatMap(([site, place]) =>
    POSTS.map(([post, title, role]) => ({ username: `${post}.${site}`, name: `${title}, ${place}`, role, site })),
  ),
  { username: 'auditor', name: 'Auditor', role: 'auditor', site: '*' },
  { username: 'admin', name: 'Administrator', role: 'system_admin', site: '*' },
];

export const DEMO_CLIENTS: readonly DemoClient[] = sites.flatMap(([site, place]) => [
  ...STATIONS[site].map((station) => ({
    client_id: station.toLowerCase(),
    name: `Station ${station}`,
    role: 'inspection_station' as const,
    site: site as string,
    station_id: station as string | null,
  })),
  { client_id: `erp-${site}`, name: `ERP, ${place}`, role: 'erp_integration' as const, site, station_id: null },
]);
