import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** `place/pid/random`: who owns partitions. Two buses of one process are two owners. */
export interface OwnerName {
  text: string;
  place: string;
}

/** One running kernel and one space of process numbers; a restarted machine or another container is another place. */
function placeOf(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().slice(0, 13);
    return `${hostname()}-${boot}-${readlinkSync('/proc/self/ns/pid').replace(/\D/g, '')}`;
  } catch {
    return '';
  }
}

export function ownerName(): OwnerName {
  const place = placeOf();
  return { place, text: `${place || hostname()}/${process.pid}/${randomBytes(6).toString('hex')}` };
}

/**
 * Whether an owner was a process of this very machine that is gone: its partitions need not wait for the lease to run out, so that a platform
 * started again after `kill -9` goes on at once. In doubt (another place, or no /proc) no.
 */
export function localPeerIsDead(self: OwnerName, owner: string): boolean {
  const [place, pid] = owner.split('/');
  if (self.place === '' || place !== self.place) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
