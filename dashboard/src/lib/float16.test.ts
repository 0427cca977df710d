// Half-precision numbers against values of the standard.
import { describe, expect, it } from "vitest";
import { decodeFloat16 } from "./float16";

function encode(...bits: number[]): string {
  return btoa(bits.map((each) => String.fromCharCode(each & 0xff, each >> 8)).join(""));
}

describe("half-precision numbers", () => {
  it("are read exactly", () => {
    const bits = [0x0000, 0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0xd4d3];
    expect([...decodeFloat16(encode(...bits))]).toEqual([0, 1, -2, 65_504, 2 ** -14, 2 ** -24, -77.1875]);
  });

  it("may be no finite numbers", () => {
    expect([...decodeFloat16(encode(0x7c00, 0xfc00, 0x7e00))]).toEqual([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]);
  });
});
