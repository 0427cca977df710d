// Samples as a WAV file of 24 bits: what the collector reads exactly.

const HEAD = 44;
const BYTES = 3;
const FULL = 2 ** 23;

/** `channels` hold samples from -1 to 1, all equally many. */
export function encodeWav(channels: readonly Float32Array[], rateHz: number): Blob {
  const frames = channels[0]?.length ?? 0;
  const size = frames * channels.length * BYTES;
  const view = new DataView(new ArrayBuffer(HEAD + size));
  const word = (at: number, letters: string) => new TextEncoder().encode(letters).forEach((letter, index) => view.setUint8(at + index, letter));
  word(0, "RIFF");
  view.setUint32(4, HEAD - 8 + size, true);
  word(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, channels.length, true);
  view.setUint32(24, rateHz, true);
  view.setUint32(28, rateHz * channels.length * BYTES, true);
  view.setUint16(32, channels.length * BYTES, true);
  view.setUint16(34, BYTES * 8, true);
  word(36, "data");
  view.setUint32(40, size, true);
  let at = HEAD;
  for (let frame = 0; frame < frames; frame++) {
    for (const samples of channels) {
      const value = Math.max(-FULL, Math.min(FULL - 1, Math.round((samples[frame] ?? 0) * FULL)));
      view.setUint16(at, value & 0xffff, true);
      view.setInt8(at + 2, value >> 16);
      at += BYTES;
    }
  }
  return new Blob([view.buffer], { type: "audio/wav" });
}
