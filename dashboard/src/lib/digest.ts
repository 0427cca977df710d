// Digests as they are shown: the first characters, enough to tell models apart.

const SHOWN = 12;

export function shortDigest(digest: string): string {
  return digest.slice(0, SHOWN);
}
