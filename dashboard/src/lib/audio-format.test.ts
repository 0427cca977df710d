// First bytes of recordings, made here box by box.
import { describe, expect, it } from "vitest";
import { foreignFormat } from "./audio-format";

const bytes = (...parts: (string | number[])[]): number[] => parts.flatMap((part) => (typeof part === "string" ? [...new TextEncoder().encode(part)] : part));
const word = (value: number): number[] => [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
const box = (kind: string, ...content: number[][]): number[] => {
  const inner = content.flat();
  return [...word(inner.length + 8), ...bytes(kind), ...inner];
};
const file = (content: number[]): ArrayBuffer => new Uint8Array(content).buffer;
const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);

function mp4(rateHz: number, kind = "mp4a"): ArrayBuffer {
  const entry = box(kind, zeros(6), [0, 1], zeros(8), [0, 2, 0, 16], zeros(4), [...word(rateHz * 65_536).slice(0, 2), 0, 0], zeros(10));
  const described = box("stsd", zeros(4), word(1), entry);
  const track = box("trak", box("tkhd", zeros(20)), box("mdia", box("mdhd", zeros(24)), box("minf", box("stbl", described))));
  return file([...box("ftyp", bytes("M4A ", zeros(4))), ...box("moov", box("mvhd", zeros(100)), track), ...box("mdat", zeros(40))]);
}

describe("what a recording is", () => {
  it("is told by its first bytes, not by its name, and left alone where the collector reads it", () => {
    for (const start of ["RIFF....WAVEfmt ", "fLaC............", "OggS............", "ID3.............", "no sound at all, but text"]) {
      expect(foreignFormat(file(bytes(start)))).toBeNull();
    }
    expect(foreignFormat(file([0xff, 0xfb, 0x90, 0x64, ...zeros(20)]))).toBeNull();
    expect(foreignFormat(file([1, 2]))).toBeNull();
  });

  it("holds the sample rate of an M4A in the description of its samples", () => {
    expect(foreignFormat(mp4(44_100))).toEqual({ container: "M4A", rateHz: 44_100 });
    expect(foreignFormat(mp4(16_000, "Opus"))).toEqual({ container: "M4A", rateHz: 16_000 });
    expect(foreignFormat(mp4(48_000, "mp4v"))).toEqual({ container: "M4A", rateHz: null });
  });

  it("ends in an unknown rate where boxes are damaged", () => {
    const whole = new Uint8Array(mp4(44_100));
    for (let length = 12; length < whole.length; length += 7) {
      const found = foreignFormat(whole.slice(0, length).buffer);
      expect([44_100, null]).toContain(found?.rateHz);
    }
    const looped = file([...box("ftyp", zeros(8)), ...word(0), ...bytes("moov"), ...word(4), ...bytes("trak"), ...zeros(20)]);
    expect(foreignFormat(looped)).toEqual({ container: "M4A", rateHz: null });
  });

  it("knows AAC frames and WebM", () => {
    expect(foreignFormat(file([0xff, 0xf1, 0x50, 0x80, ...zeros(20)]))).toEqual({ container: "AAC", rateHz: 44_100 });
    expect(foreignFormat(file([0x1a, 0x45, 0xdf, 0xa3, ...bytes("....A_OPUS......")]))).toEqual({ container: "WebM", rateHz: 48_000 });
    expect(foreignFormat(file([0x1a, 0x45, 0xdf, 0xa3, ...bytes("....A_VORBIS....")]))).toEqual({ container: "WebM", rateHz: null });
  });
});
