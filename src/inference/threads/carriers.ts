/** The file that a thread runs, here and in a process apart. */
export const THREAD = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
/** Pictures and tensors lie outside this heap; small generations give them back sooner (40 MB less after 150 boards). A thread that outgrows it is replaced. */
export const HEAP = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 128 };
