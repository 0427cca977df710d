// Timestamps of the predecessor's interface: ISO text, in UTC where it names no zone.

const HAS_ZONE = /(Z|[+-]\d{2}:?\d{2})$/i;

export function timestampUs(text: string): number {
  return Date.parse(HAS_ZONE.test(text) ? text : `${text}Z`) * 1000;
}
