// Half-precision numbers (IEEE 754 binary16), as the collector sends large matrices of them.

/** The 65,536 values, made once: a look-up is several times as fast as taking each number apart. */
let table: Float32Array | undefined;

function valueOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Base64 of little-endian half-precision numbers as numbers. */
export function decodeFloat16(base64: string): Float32Array {
  table ??= Float32Array.from({ length: 65_536 }, (_, bits) => valueOf(bits));
  const text = atob(base64);
  const values = new Float32Array(text.length >> 1);
  for (let index = 0; index < values.length; index++) {
    values[index] = table[text.charCodeAt(2 * index) | (text.charCodeAt(2 * index + 1) << 8)] ?? Number.NaN;
  }
  return values;
}
