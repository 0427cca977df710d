// What a recording's first bytes say of it: whether the collector decodes it, and which sample rate it has.

/** A container that browsers decode and the collector does not; `rateHz` is null where it is not told plainly. */
export interface Foreign {
  container: "M4A" | "WebM" | "AAC";
  rateHz: number | null;
}

const ADTS_RATES_HZ = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
const OPUS_HZ = 48_000;
const EBML = 0x1a45dfa3;
/** Boxes of ISO 14496-12 on the way to the description of a track's samples. */
const NESTED = new Set(["moov", "trak", "mdia", "minf", "stbl"]);
const SOUNDS = new Set(["mp4a", "Opus", "alac", "fLaC"]);
const BOX_HEAD = 8;
/** Of an AudioSampleEntry after its head, ISO 14496-12, 12.2.3: the rate is a fixed point number of 16.16 bits. */
const RATE_AT = 24;

/** Null for all that is sent as it is: the collector decodes it, or says why not. */
export function foreignFormat(content: ArrayBuffer): Foreign | null {
  const view = new DataView(content);
  if (view.byteLength < 12) return null;
  if (text(view, 4) === "ftyp") return { container: "M4A", rateHz: rateOfBoxes(view, 0, view.byteLength) };
  if (view.getUint32(0) === EBML) return { container: "WebM", rateHz: contains(view, "A_OPUS") ? OPUS_HZ : null };
  // Sync word of ADTS (ISO 13818-7): twelve ones, and a layer of 0, which MP3 has not.
  if ((view.getUint16(0) & 0xfff6) === 0xfff0) return { container: "AAC", rateHz: ADTS_RATES_HZ[(view.getUint8(2) >> 2) & 0xf] ?? null };
  return null;
}

function text(view: DataView, at: number): string {
  return String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
}

function rateOfBoxes(view: DataView, from: number, to: number): number | null {
  let at = from;
  while (at + BOX_HEAD <= to) {
    const short = view.getUint32(at);
    const size = short === 1 && at + 16 <= to ? Number(view.getBigUint64(at + 8)) : short === 0 ? to - at : short;
    const head = short === 1 ? 16 : BOX_HEAD;
    if (size < head) return null;
    const end = Math.min(to, at + size);
    const kind = text(view, at + 4);
    if (kind === "stsd") {
      const entry = at + head + BOX_HEAD;
      const isSound = entry + BOX_HEAD + RATE_AT + 4 <= end && SOUNDS.has(text(view, entry + 4));
      return isSound ? view.getUint32(entry + BOX_HEAD + RATE_AT) / 65_536 || null : null;
    }
    const found = NESTED.has(kind) ? rateOfBoxes(view, at + head, end) : null;
    if (found !== null) return found;
    at = end;
  }
  return null;
}

const SEARCHED = 4_096;

function contains(view: DataView, word: string): boolean {
  const head = new Uint8Array(view.buffer, 0, Math.min(SEARCHED, view.byteLength));
  return String.fromCharCode(...head).includes(word);
}
