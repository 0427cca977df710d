// The WAV that the browser sends in the place of what it decoded.
import { describe, expect, it } from "vitest";
import { encodeWav } from "./wav";

describe("a WAV of 24 bits", () => {
  it("holds each channel's samples in turn, exact to its steps", async () => {
    const left = Float32Array.of(0, 0.5, -1);
    const right = Float32Array.of(1, -0.25, 2 ** -23);
    const view = new DataView(await encodeWav([left, right], 44_100).arrayBuffer());
    const text = (at: number) => String.fromCharCode(...new Uint8Array(view.buffer, at, 4));
    expect([text(0), text(8), text(12), text(36)]).toEqual(["RIFF", "WAVE", "fmt ", "data"]);
    expect(view.byteLength).toBe(44 + 18);
    expect(view.getUint32(4, true)).toBe(view.byteLength - 8);
    expect([view.getUint16(20, true), view.getUint16(22, true), view.getUint32(24, true)]).toEqual([1, 2, 44_100]);
    expect([view.getUint32(28, true), view.getUint16(32, true), view.getUint16(34, true), view.getUint32(40, true)]).toEqual([264_600, 6, 24, 18]);
    const samples = Array.from({ length: 6 }, (_, index) => view.getUint16(44 + 3 * index, true) + (view.getInt8(46 + 3 * index) << 16));
    expect(samples).toEqual([0, 2 ** 23 - 1, 2 ** 22, -(2 ** 21), -(2 ** 23), 1]);
  });
});
