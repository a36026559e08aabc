interface Answered {
  name?: string;
  $metadata?: { httpStatusCode?: number };
}

const statusOf = (error: unknown): number | undefined => (error as Answered | null)?.$metadata?.httpStatusCode;
const nameOf = (error: unknown): string => (error as Answered | null)?.name ?? '';

/** By how it was asked: an answer to HEAD has no body that could say what is not there, object or bucket; any other has one and must say so. */
export type Asked = 'by head' | 'with a body';

export const isMissing = (error: unknown, asked: Asked): boolean =>
  statusOf(error) === 404 && (nameOf(error) === 'NoSuchKey' || (asked === 'by head' && nameOf(error) === 'NotFound'));

/** Whether the same call may well pass when it is sent again: no answer, too many calls, a fault of the store. */
export function mayPass(error: unknown): boolean {
  const status = statusOf(error);
  return status === undefined ? nameOf(error) !== 'CredentialsProviderError' : status >= 500 || status === 429;
}

/** What is wrong, for the log and /health: few sentences, nothing of the keys, so that one outage reads as one. */
export function wordsOf(error: unknown, bucket: string): string {
  const status = statusOf(error);
  if (nameOf(error) === 'CredentialsProviderError') return 'no keys for S3 were found: set S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY';
  if (status === undefined) return 'S3 does not answer';
  if (status === 401 || status === 403) return `S3 refuses these keys for the bucket ${bucket}`;
  if (status === 404) return `S3 has no bucket ${bucket} for these keys: this program makes none`;
  if (status >= 300 && status < 400) return `S3 has the bucket ${bucket} in another region than S3_REGION says`;
  return `S3 answers with a fault (${status})`;
}
